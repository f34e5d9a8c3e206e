import Crypto
import Ledger
import Testing

@testable import Gossip

/// Commit before reveal, between nodes.
struct CommitmentTests {
    private func isClosed(_ message: Message) -> Bool { if case .closed = message { true } else { false } }

    private func closed(by index: Int, in town: Town) -> [Closed] {
        town.sites[index].journal.compactMap { entry in
            guard case .closed(let signed) = entry, signed.signer == town.sites[index].identity.member else {
                return nil
            }
            return signed.body
        }
    }

    private func leftOut(at index: Int, in town: Town) -> [ContributionDigest] {
        town.sites[index].notices.compactMap {
            if case .ownContributionLeftOut(let digest) = $0 { digest } else { nil }
        }
    }

    @Test func noPieceMovesBeforeAQuorumHasClosedTheRound() throws {
        let town = try Town(count: 4)
        var moved = 0
        town.drops = { _, _, message in self.isClosed(message) }
        town.dropsPiece = { _, _, _ in
            moved += 1
            return false
        }
        town.contributeAll()
        #expect(!town.run(milliseconds: 60_000) { moved > 0 })
        // They asked for nothing either, and no link was cut off.
        for site in town.sites {
            #expect(!site.sent.contains { if case .want = $0.message { true } else { false } })
            #expect(!site.sent.contains { if case .have = $0.message { true } else { false } })
            #expect(!site.notices.contains { if case .linkCutOff = $0 { true } else { false } })
        }
        town.drops = { _, _, _ in false }
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        #expect(moved > 0)
        #expect(town.sites[0].adopted[0].version.manifest.count == 4)
    }

    @Test func aRequestThatComesEarlyIsAnsweredOnceThePiecesMayBeShown() throws {
        let town = try Town(count: 4)
        var pieces: [Int: Int] = [:]
        town.drops = { _, _, message in self.isClosed(message) }
        town.dropsPiece = { from, to, _ in
            if from == 0, to == 3 { pieces[to, default: 0] += 1 }
            return true
        }
        town.contributeAll()
        town.settle()
        let own = try #require(
            town.sites[0].journal.compactMap { entry -> ContributionDigest? in
                if case .ownContribution(let signed) = entry { signed.body.contributionDigest } else { nil }
            }.first)
        town.inject(.want(own, pieces: [0, 1]), from: 3, to: 0)
        town.settle()
        #expect(pieces.isEmpty)
        // Asked for nothing else, it hears of the round's end.
        town.drops = { from, to, message in
            if case .want = message { return true }
            return false
        }
        #expect(town.run(milliseconds: 60_000) { pieces[3] == 2 })
    }

    @Test func everyClosedStatementNamesWhatWasThereAndIsSignedOnce() throws {
        let town = try Town(count: 4)
        #expect(town.reach(3))
        for index in 0..<4 {
            let statements = closed(by: index, in: town)
            #expect(statements.map(\.height.value) == [1, 2, 3])
            for statement in statements { #expect(statement.commitments.count == 4) }
        }
    }

    @Test func aContributionThatComesTooLateGoesBackUnread() throws {
        let town = try Town(count: 4)
        town.settle()
        for index in 0..<3 { town.contribute(index) }
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        // Its trainer is done with the base of the version before.
        let base = town.genesis.version.versionDigest
        let late = Contribution(
            network: town.genesis.network, author: town.sites[3].identity.member, base: base, baseHeight: .genesis,
            encoding: town.genesis.rules.encoding, payloadBytes: 2048, pieceBytes: 1024, pieceRoot: .zero, norm: 1,
            steps: 1, tokens: 1, lossCentinats: 1, dataSets: [], trainer: .zero)
        town.sites[3].pieces[late.contributionDigest] = [true, true]
        town.give(3, .contribute(late))
        town.settle()
        #expect(leftOut(at: 3, in: town) == [late.contributionDigest])
        #expect(town.sites[3].forgotten == [late.contributionDigest])
        var shown = false
        town.dropsPiece = { _, _, name in
            shown = shown || name.contribution == late.contributionDigest
            return false
        }
        town.inject(.want(late.contributionDigest, pieces: [0]), from: 0, to: 3)
        #expect(town.reach(3))
        #expect(!shown)
        #expect(
            !town.sites[0].adopted.contains {
                $0.version.manifest.contains { $0.contribution == late.contributionDigest }
            })
        #expect(leftOut(at: 3, in: town) == [late.contributionDigest], "given back once")
    }

    @Test func aRoundThatCommitsNothingEndsWithAnEmptyManifest() throws {
        let town = try Town(count: 4)
        town.settle()
        // Half of the members hear of the one commitment, half do not, and they are not told of it afterwards.
        town.drops = { from, to, message in
            switch message {
            case .contribution: to != 1
            case .fetch, .summary: true
            default: false
            }
        }
        town.contribute(0)
        // Members without a commitment follow f + 1 that closed.
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        #expect(town.sites[0].adopted[0].version.manifest.isEmpty)
        #expect(leftOut(at: 0, in: town).count == 1)
        town.drops = { _, _, _ in false }
        #expect(town.reach(3))
        #expect(town.sites[0].adopted.last!.version.manifest.count == 4)
    }

    /// A site that is slower than the others can hand over what it has until then.
    @Test func aSiteThatHasNotCommittedIsToldWhenTheRoundCloses() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        func announced(_ index: Int) -> [UInt64] {
            town.sites[index].notices.compactMap {
                if case .roundCloses(Height(2), let deadline) = $0 { deadline.milliseconds } else { nil }
            }
        }
        let began = town.now.milliseconds
        town.contribute(0)
        town.settle()
        #expect(announced(0).isEmpty)
        let first = try #require(announced(3).first)
        #expect(announced(3) == [first] && first > began)
        // With a quorum of commitments the grace runs, which is shorter.
        for index in 1...2 { town.contribute(index) }
        town.settle()
        #expect(announced(3).count == 2)
        let second = try #require(announced(3).last)
        #expect(second < first)
        // What it hands over just before is listed.
        _ = town.run(milliseconds: second - began - 1) { false }
        #expect(closed(by: 3, in: town).count == 1)
        town.contribute(3)
        #expect(town.run { town.heights.allSatisfy { $0 == 2 } })
        #expect(town.sites[0].adopted[1].version.manifest.count == 4)
    }

    @Test func anIdleMeshStaysIdle() throws {
        let town = try Town(count: 4)
        #expect(!town.run(milliseconds: 1_200_000) { town.heights.contains { $0 > 0 } })
        for site in town.sites { #expect(!site.sent.contains { isClosed($0.message) }) }
    }

    @Test func aStatementBindsAfterARestart() throws {
        let town = try Town(count: 4)
        town.contributeAll()
        town.settleUntil { isClosed($0) }
        for index in 0..<4 { town.crash(index) }
        let before = (0..<4).map { closed(by: $0, in: town) }
        for index in 0..<4 { try town.restart(index) }
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        for index in 0..<4 {
            let after = closed(by: index, in: town).filter { $0.height == Height(1) }
            #expect(after.count == 1)
            if let first = before[index].first { #expect(after == [first]) }
        }
    }

    @Test func aPayloadThatComesLateIsListedByTheStatementsOfItsRound() throws {
        let town = try Town(count: 4)
        town.settle()
        let author = town.sites[3].identity.member
        town.dropsPiece = { from, _, _ in from == 3 }
        town.contributeAll()
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        #expect(!town.sites[0].adopted[0].version.manifest.contains { $0.slot.author == author })
        #expect(leftOut(at: 3, in: town).isEmpty)
        town.dropsPiece = { _, _, _ in false }
        let slot = Slot(author: author, base: town.genesis.version.versionDigest)
        #expect(town.run(milliseconds: 60_000) { town.sites.allSatisfy { $0.node.eligibleSlots.contains(slot) } })
        for index in 0..<3 { town.contribute(index) }
        #expect(town.run { town.heights.allSatisfy { $0 == 2 } })
        let second = town.sites[0].adopted[1]
        let entry = try #require(second.version.manifest.first { $0.slot.author == author })
        #expect(entry.baseHeight == .genesis)
        #expect(second.embedded.closings.count == 2)
        var chain = Chain(genesis: town.genesis)
        for certified in town.sites[1].adopted { chain = try chain.audited(certified, verifier: Verifier()) }
    }

    /// The proof of a late slot may hold this member's own statement, which came back from others: it is made durable too.
    @Test func aReadyRestsOnADurableProofAlsoWhereTheOwnStatementWasLost() throws {
        let town = try Town(count: 4)
        town.settle()
        town.dropsPiece = { from, _, _ in from == 3 }
        town.contributeAll()
        #expect(town.run { town.heights.allSatisfy { $0 == 1 } })
        let contribution = try #require(
            town.sites[3].journal.compactMap { entry -> ContributionDigest? in
                if case .ownContribution(let signed) = entry { signed.body.contributionDigest } else { nil }
            }.first)
        // The first in the order of members: the proof takes its statement before those of others.
        let index = try #require((0..<3).min { town.sites[$0].identity.member < town.sites[$1].identity.member })
        let own = town.sites[index].identity.member
        let copy = town.backup(index)
        let lost = copy.journal.filter { entry in
            if case .closed(let signed) = entry { signed.signer != own } else { true }
        }
        #expect(lost.count < copy.journal.count)
        try town.restart(index, from: DiskCopy(journal: lost, adopted: copy.adopted, pieces: copy.pieces))
        town.settle()
        town.dropsPiece = { _, _, _ in false }
        let slot = Slot(author: town.sites[3].identity.member, base: town.genesis.version.versionDigest)
        #expect(town.run(milliseconds: 60_000) { town.sites.allSatisfy { $0.node.eligibleSlots.contains(slot) } })
        for site in 0..<3 { town.contribute(site) }
        #expect(town.run { town.heights.allSatisfy { $0 == 2 } })
        #expect(town.sites[0].adopted[1].version.manifest.contains { $0.slot == slot })
        let ready = town.sites[index].journal.contains { entry in
            if case .ready(let signed) = entry { signed.body.slots.contains(slot) } else { false }
        }
        #expect(ready)
        let namers = town.sites[index].journal.compactMap { entry -> MemberID? in
            guard case .closed(let signed) = entry else { return nil }
            return signed.body.commitments.contains { $0.contribution == contribution } ? signed.signer : nil
        }
        #expect(Set(namers).count >= town.genesis.members.commitmentThreshold)
    }

    @Test func twoStatementsOfAMemberAreEvidence() throws {
        let town = try Town(count: 4)
        town.contributeAll()
        town.settleUntil { isClosed($0) }
        let culprit = town.sites[3].identity
        let head = town.sites[0].node.chain.headDigest
        let two = [[], [Commitment(author: culprit.member, contribution: ContributionDigest(.zero))]].map { named in
            Signed(
                Closed(height: Height(1), parent: head, commitments: named), signer: culprit.member,
                key: culprit.nodeKey, network: town.genesis.network)
        }
        town.inject(.closed(two[0]), from: 3, to: 0)
        town.inject(.closed(two[1]), from: 3, to: 0)
        town.settle()
        let found = town.sites[0].notices.contains {
            if case .evidence(.closed(let first, _)) = $0 { first.signer == culprit.member } else { false }
        }
        #expect(found)
    }

    /// Second statements are kept where something rests on them: that must not be without end.
    @Test func aMemberThatClosesManyTimesIsKeptTwiceAtMost() throws {
        let town = try Town(count: 4)
        town.settle()
        let body = town.contribution(of: 1)
        let stored = Stored(body)
        var acks: [Int: Signature] = [:]
        for index in 1...3 {
            acks[index] = stored.signature(by: town.sites[index].identity.nodeKey, network: town.genesis.network)
        }
        // A quorum holds it, and no statement that commits it is here.
        town.inject(
            .contribution(
                Signed(body, signer: body.author, key: town.sites[1].identity.nodeKey, network: town.genesis.network)),
            from: 1, to: 0)
        town.inject(
            .acks(AvailabilityCertificate(stored: stored, signatures: QuorumSignatures(acks, memberCount: 4))),
            from: 2, to: 0)
        town.settle()
        let node = town.sites[0].node
        #expect(node.contributions.slots[body.slot]?.certificate != nil)
        let culprit = town.sites[3].identity
        for number in 0..<50 as Range<UInt8> {
            let other = Commitment(
                author: culprit.member, contribution: ContributionDigest(Digest(DigestDomain("test"), [number])))
            let named = number == 0 ? [other] : [other, Commitment(body)]
            let closed = Closed(height: Height(1), parent: node.chain.headDigest, commitments: named)
            town.inject(
                .closed(
                    Signed(closed, signer: culprit.member, key: culprit.nodeKey, network: town.genesis.network)),
                from: 3, to: 0)
        }
        town.settle()
        #expect(node.commitments.statementCount == 2)
    }

    @Test func aForgedStatementCutsItsSenderOff() throws {
        let town = try Town(count: 4)
        town.settle()
        let victim = town.sites[2].identity.member
        let forged = Signed(
            Closed(height: Height(1), parent: town.sites[0].node.chain.headDigest, commitments: []), signer: victim,
            key: town.sites[3].identity.nodeKey, network: town.genesis.network)
        town.inject(.closed(forged), from: 3, to: 0)
        town.settle()
        #expect(
            town.sites[0].notices.contains(.linkCutOff(town.sites[3].identity.member, .invalidSignature)))
    }

    /// Each of two statements of one member may be what commits another contribution: then both are shown.
    @Test func proof_forWhichBothStatementsOfAMemberAreNeeded_holdsBoth() throws {
        let town = try Town(count: 4)
        let chain = town.sites[0].node.chain
        let authors = chain.members.members.map(\.id)
        let commitments = authors.prefix(2).map { author in
            Commitment(
                author: author, contribution: ContributionDigest(Digest(DigestDomain("test"), author.digest.bytes)))
        }.sorted()
        var round = CommitmentRound(height: chain.nextHeight, members: chain.members)
        func insert(_ site: Int, _ named: [Commitment]) throws {
            let identity = town.sites[site].identity
            let closed = Closed(height: chain.nextHeight, parent: chain.headDigest, commitments: named)
            let index = try #require(chain.members.index(of: identity.member))
            _ = round.insert(
                Signed(closed, signer: identity.member, key: identity.nodeKey, network: chain.network), at: index,
                now: Instant(milliseconds: 1))
        }
        try insert(0, commitments)
        try insert(1, commitments)
        try insert(2, [commitments[0]])
        #expect(round.proof(of: commitments) == nil)
        try insert(2, [commitments[1]])
        let proof = try #require(round.proof(of: commitments))
        #expect(proof.count == 4)
        #expect(Set(proof.map(\.signer)).count == 3)
        try insert(3, commitments)
        // With a third member that names both, one statement of each suffices.
        #expect(try Set(#require(round.proof(of: commitments)).map(\.signer)).count == 4)
    }
}
