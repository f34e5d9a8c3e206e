import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

/// Commit before reveal, between nodes.
struct CommitmentTests {
    private func isClosed(_ message: Message) -> Bool { if case .closed = message { true } else { false } }

    private func closed(by index: Int, in cluster: Cluster) -> [Closed] {
        cluster.sites[index].journal.compactMap { entry in
            guard case .closed(let signed) = entry, signed.signer == cluster.sites[index].identity.member else {
                return nil
            }
            return signed.body
        }
    }

    private func leftOut(at index: Int, in cluster: Cluster) -> [ContributionDigest] {
        cluster.sites[index].notices.compactMap {
            if case .ownContributionLeftOut(let digest) = $0 { digest } else { nil }
        }
    }

    @Test func noPieceMovesBeforeAQuorumHasClosedTheRound() throws {
        let cluster = try Cluster(count: 4)
        var moved = 0
        cluster.drops = { _, _, message in self.isClosed(message) }
        cluster.dropsPiece = { _, _, _ in
            moved += 1
            return false
        }
        cluster.contributeAll()
        #expect(!cluster.run(milliseconds: 60_000) { moved > 0 })
        // They asked for nothing either, and no link was cut off.
        for site in cluster.sites {
            #expect(!site.sent.contains { if case .want = $0.message { true } else { false } })
            #expect(!site.sent.contains { if case .have = $0.message { true } else { false } })
            #expect(!site.notices.contains { if case .linkCutOff = $0 { true } else { false } })
        }
        cluster.drops = { _, _, _ in false }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        #expect(moved > 0)
        #expect(cluster.sites[0].adopted[0].version.manifest.count == 4)
    }

    @Test func aRequestThatComesEarlyIsAnsweredOnceThePiecesMayBeShown() throws {
        let cluster = try Cluster(count: 4)
        var pieces: [Int: Int] = [:]
        cluster.drops = { _, _, message in self.isClosed(message) }
        cluster.dropsPiece = { from, to, _ in
            if from == 0, to == 3 { pieces[to, default: 0] += 1 }
            return true
        }
        cluster.contributeAll()
        cluster.settle()
        let own = try #require(
            cluster.sites[0].journal.compactMap { entry -> ContributionDigest? in
                if case .ownContribution(let signed) = entry { signed.body.contributionDigest } else { nil }
            }.first)
        cluster.inject(.want(own, pieces: [0, 1]), from: 3, to: 0)
        cluster.settle()
        #expect(pieces.isEmpty)
        // Asked for nothing else, it hears of the round's end.
        cluster.drops = { from, to, message in
            if case .want = message { return true }
            return false
        }
        #expect(cluster.run(milliseconds: 60_000) { pieces[3] == 2 })
    }

    @Test func everyClosedStatementNamesWhatWasThereAndIsSignedOnce() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(3))
        for index in 0..<4 {
            let statements = closed(by: index, in: cluster)
            #expect(statements.map(\.height.value) == [1, 2, 3])
            for statement in statements { #expect(statement.commitments.count == 4) }
        }
    }

    @Test func aContributionThatComesTooLateGoesBackUnread() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        for index in 0..<3 { cluster.contribute(index) }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        // Its trainer is done with the base of the version before.
        let base = cluster.genesis.version.versionDigest
        let late = Contribution(
            network: cluster.genesis.network, author: cluster.sites[3].identity.member, base: base,
            baseHeight: .genesis,
            encoding: cluster.genesis.rules.encoding, payloadBytes: 2048, pieceBytes: 1024, pieceRoot: .zero, norm: 1,
            steps: 1, tokens: 1, lossCentinats: 1, dataSets: [], trainer: .zero)
        cluster.sites[3].pieces[late.contributionDigest] = [true, true]
        cluster.give(3, .contribute(late))
        cluster.settle()
        #expect(leftOut(at: 3, in: cluster) == [late.contributionDigest])
        #expect(cluster.sites[3].forgotten == [late.contributionDigest])
        var shown = false
        cluster.dropsPiece = { _, _, name in
            shown = shown || name.contribution == late.contributionDigest
            return false
        }
        cluster.inject(.want(late.contributionDigest, pieces: [0]), from: 0, to: 3)
        #expect(cluster.reach(3))
        #expect(!shown)
        #expect(
            !cluster.sites[0].adopted.contains {
                $0.version.manifest.contains { $0.contribution == late.contributionDigest }
            })
        #expect(leftOut(at: 3, in: cluster) == [late.contributionDigest], "given back once")
    }

    @Test func aRoundThatCommitsNothingEndsWithAnEmptyManifest() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        // Half of the members hear of the one commitment, half do not, and they are not told of it afterwards.
        cluster.drops = { from, to, message in
            switch message {
            case .contribution: to != 1
            case .fetch, .summary: true
            default: false
            }
        }
        cluster.contribute(0)
        // Members without a commitment follow f + 1 that closed.
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        #expect(cluster.sites[0].adopted[0].version.manifest.isEmpty)
        #expect(leftOut(at: 0, in: cluster).count == 1)
        cluster.drops = { _, _, _ in false }
        #expect(cluster.reach(3))
        #expect(cluster.sites[0].adopted.last!.version.manifest.count == 4)
    }

    /// A site that is slower than the others can hand over what it has until then.
    @Test func aSiteThatHasNotCommittedIsToldWhenTheRoundCloses() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        func announced(_ index: Int) -> [UInt64] {
            cluster.sites[index].notices.compactMap {
                if case .roundCloses(Height(2), let deadline) = $0 { deadline.milliseconds } else { nil }
            }
        }
        let began = cluster.now.milliseconds
        cluster.contribute(0)
        cluster.settle()
        #expect(announced(0).isEmpty)
        let first = try #require(announced(3).first)
        #expect(announced(3) == [first] && first > began)
        // With a quorum of commitments the grace runs, which is shorter.
        for index in 1...2 { cluster.contribute(index) }
        cluster.settle()
        #expect(announced(3).count == 2)
        let second = try #require(announced(3).last)
        #expect(second < first)
        // What it hands over just before is listed.
        _ = cluster.run(milliseconds: second - began - 1) { false }
        #expect(closed(by: 3, in: cluster).count == 1)
        cluster.contribute(3)
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 2 } })
        #expect(cluster.sites[0].adopted[1].version.manifest.count == 4)
    }

    @Test func anIdleMeshStaysIdle() throws {
        let cluster = try Cluster(count: 4)
        #expect(!cluster.run(milliseconds: 1_200_000) { cluster.heights.contains { $0 > 0 } })
        for site in cluster.sites { #expect(!site.sent.contains { isClosed($0.message) }) }
    }

    @Test func aStatementBindsAfterARestart() throws {
        let cluster = try Cluster(count: 4)
        cluster.contributeAll()
        cluster.settleUntil { isClosed($0) }
        for index in 0..<4 { cluster.crash(index) }
        let before = (0..<4).map { closed(by: $0, in: cluster) }
        for index in 0..<4 { try cluster.restart(index) }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        for index in 0..<4 {
            let after = closed(by: index, in: cluster).filter { $0.height == Height(1) }
            #expect(after.count == 1)
            if let first = before[index].first { #expect(after == [first]) }
        }
    }

    @Test func aPayloadThatComesLateIsListedByTheStatementsOfItsRound() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let author = cluster.sites[3].identity.member
        cluster.dropsPiece = { from, _, _ in from == 3 }
        cluster.contributeAll()
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        #expect(!cluster.sites[0].adopted[0].version.manifest.contains { $0.slot.author == author })
        #expect(leftOut(at: 3, in: cluster).isEmpty)
        cluster.dropsPiece = { _, _, _ in false }
        let slot = Slot(author: author, base: cluster.genesis.version.versionDigest)
        #expect(cluster.run(milliseconds: 60_000) { cluster.sites.allSatisfy { $0.node.eligibleSlots.contains(slot) } })
        for index in 0..<3 { cluster.contribute(index) }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 2 } })
        let second = cluster.sites[0].adopted[1]
        let entry = try #require(second.version.manifest.first { $0.slot.author == author })
        #expect(entry.baseHeight == .genesis)
        #expect(second.embedded.closings.count == 2)
        var chain = Chain(genesis: cluster.genesis)
        for certified in cluster.sites[1].adopted { chain = try chain.audited(certified, verifier: Verifier()) }
    }

    /// The proof of a late slot may hold this member's own statement, which came back from others: it is made durable
    /// too.
    @Test func aReadyRestsOnADurableProofAlsoWhereTheOwnStatementWasLost() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        cluster.dropsPiece = { from, _, _ in from == 3 }
        cluster.contributeAll()
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 1 } })
        let contribution = try #require(
            cluster.sites[3].journal.compactMap { entry -> ContributionDigest? in
                if case .ownContribution(let signed) = entry { signed.body.contributionDigest } else { nil }
            }.first)
        // The first in the order of members: the proof takes its statement before those of others.
        let index = try #require((0..<3).min { cluster.sites[$0].identity.member < cluster.sites[$1].identity.member })
        let own = cluster.sites[index].identity.member
        let copy = cluster.backup(index)
        let lost = copy.journal.filter { entry in
            if case .closed(let signed) = entry { signed.signer != own } else { true }
        }
        #expect(lost.count < copy.journal.count)
        try cluster.restart(index, from: DiskCopy(journal: lost, adopted: copy.adopted, pieces: copy.pieces))
        cluster.settle()
        cluster.dropsPiece = { _, _, _ in false }
        let slot = Slot(author: cluster.sites[3].identity.member, base: cluster.genesis.version.versionDigest)
        #expect(cluster.run(milliseconds: 60_000) { cluster.sites.allSatisfy { $0.node.eligibleSlots.contains(slot) } })
        for site in 0..<3 { cluster.contribute(site) }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 2 } })
        #expect(cluster.sites[0].adopted[1].version.manifest.contains { $0.slot == slot })
        let ready = cluster.sites[index].journal.contains { entry in
            if case .ready(let signed) = entry { signed.body.slots.contains(slot) } else { false }
        }
        #expect(ready)
        let namers = cluster.sites[index].journal.compactMap { entry -> MemberID? in
            guard case .closed(let signed) = entry else { return nil }
            return signed.body.commitments.contains { $0.contribution == contribution } ? signed.signer : nil
        }
        #expect(Set(namers).count >= cluster.genesis.members.commitmentThreshold)
    }

    @Test func twoStatementsOfAMemberAreEvidence() throws {
        let cluster = try Cluster(count: 4)
        cluster.contributeAll()
        cluster.settleUntil { isClosed($0) }
        let culprit = cluster.sites[3].identity
        let head = cluster.sites[0].node.chain.headDigest
        let two = [[], [Commitment(author: culprit.member, contribution: ContributionDigest(.zero))]].map { named in
            Signed(
                Closed(height: Height(1), parent: head, commitments: named), signer: culprit.member,
                key: culprit.nodeKey, network: cluster.genesis.network)
        }
        cluster.inject(.closed(two[0]), from: 3, to: 0)
        cluster.inject(.closed(two[1]), from: 3, to: 0)
        cluster.settle()
        let found = cluster.sites[0].notices.contains {
            if case .evidence(.closed(let first, _)) = $0 { first.signer == culprit.member } else { false }
        }
        #expect(found)
    }

    /// Second statements are kept where something rests on them: that must not be without end.
    @Test func aMemberThatClosesManyTimesIsKeptTwiceAtMost() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let body = cluster.contribution(of: 1)
        let vote = AvailabilityVote(body)
        var votes: [Int: Signature] = [:]
        for index in 1...3 {
            votes[index] = vote.signature(by: cluster.sites[index].identity.nodeKey, network: cluster.genesis.network)
        }
        // A quorum holds it, and no statement that commits it is here.
        cluster.inject(
            .contribution(
                Signed(
                    body, signer: body.author, key: cluster.sites[1].identity.nodeKey, network: cluster.genesis.network)
            ),
            from: 1, to: 0)
        cluster.inject(
            .availability(AvailabilityCertificate(vote: vote, signatures: QuorumSignatures(votes, memberCount: 4))),
            from: 2, to: 0)
        cluster.settle()
        let node = cluster.sites[0].node
        #expect(node.contributions.slots[body.slot]?.certificate != nil)
        let culprit = cluster.sites[3].identity
        for number in 0..<50 as Range<UInt8> {
            let other = Commitment(
                author: culprit.member, contribution: ContributionDigest(Digest(DigestDomain("test"), [number])))
            let named = number == 0 ? [other] : [other, Commitment(body)]
            let closed = Closed(height: Height(1), parent: node.chain.headDigest, commitments: named)
            cluster.inject(
                .closed(
                    Signed(closed, signer: culprit.member, key: culprit.nodeKey, network: cluster.genesis.network)),
                from: 3, to: 0)
        }
        cluster.settle()
        #expect(node.commitments.statementCount == 2)
    }

    @Test func aForgedStatementCutsItsSenderOff() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let victim = cluster.sites[2].identity.member
        let forged = Signed(
            Closed(height: Height(1), parent: cluster.sites[0].node.chain.headDigest, commitments: []), signer: victim,
            key: cluster.sites[3].identity.nodeKey, network: cluster.genesis.network)
        cluster.inject(.closed(forged), from: 3, to: 0)
        cluster.settle()
        #expect(
            cluster.sites[0].notices.contains(.linkCutOff(cluster.sites[3].identity.member, .invalidSignature)))
    }

    /// Each of two statements of one member may be what commits another contribution: then both are shown.
    @Test func proof_forWhichBothStatementsOfAMemberAreNeeded_holdsBoth() throws {
        let cluster = try Cluster(count: 4)
        let chain = cluster.sites[0].node.chain
        let authors = chain.members.members.map(\.id)
        let commitments = authors.prefix(2).map { author in
            Commitment(
                author: author, contribution: ContributionDigest(Digest(DigestDomain("test"), author.digest.bytes)))
        }.sorted()
        var round = CommitmentRound(height: chain.nextHeight, members: chain.members)
        func insert(_ site: Int, _ named: [Commitment]) throws {
            let identity = cluster.sites[site].identity
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
