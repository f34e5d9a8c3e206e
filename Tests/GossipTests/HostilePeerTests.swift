import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

struct HostilePeerTests {
    private func signed<Body: Statement>(_ body: Body, by index: Int, in cluster: Cluster) -> Signed<Body> {
        let identity = cluster.sites[index].identity
        return Signed(body, signer: identity.member, key: identity.nodeKey, network: cluster.genesis.network)
    }

    /// Per slot one candidate without a certificate: a leader cannot make others fetch more by merely naming it.
    @Test func aPayloadAloneMakesNobodyTakeASecondContribution() throws {
        let cluster = try Cluster(count: 4)
        let leader = cluster.sites[0].node.height.leader(of: .first)
        let victim = (leader + 1) % 4
        cluster.settle()
        cluster.contribute(leader)
        cluster.settle()
        let second = cluster.contribution(of: leader, steps: 2)
        let chain = cluster.sites[victim].node.chain
        let support = Support(ready: (1...3).map { Digest(DigestDomain("test"), [$0]) })
        let version = Version(
            network: chain.network, height: chain.nextHeight, parent: chain.headDigest,
            manifest: [
                ManifestEntry(
                    slot: second.slot, baseHeight: chain.height, contribution: second.contributionDigest,
                    availability: Digest(DigestDomain("test"), [9]), weightQ30: UInt64(Rules.oneQ30))
            ], action: nil, rules: chain.rules.digest, members: chain.members.digest, support: support.digest,
            roots: chain.head.roots)
        let proposal = Proposal(
            height: chain.nextHeight, view: .first, version: version.versionDigest, reproposed: .none)
        cluster.inject(.proposal(signed(proposal, by: leader, in: cluster)), from: leader, to: victim)
        cluster.inject(.payload(Payload(version: version, support: support)), from: leader, to: victim)
        cluster.inject(.contribution(signed(second, by: leader, in: cluster)), from: leader, to: victim)
        cluster.settle()
        #expect(cluster.sites[victim].node.height.payloads[version.versionDigest] != nil)
        #expect(cluster.sites[victim].node.contributions[second.contributionDigest] == nil)
    }

    @Test func whatIsAskedForManyTimesInOneMessageIsAnsweredOnce() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        let head = cluster.sites[0].node.chain.headDigest
        let before = cluster.sites[0].sent.count
        cluster.inject(.fetch(Array(repeating: .payload(head), count: 256)), from: 1, to: 0)
        cluster.settle()
        let answers = cluster.sites[0].sent[before...].filter { sent in
            if case .certified = sent.message { return sent.to == 1 }
            return false
        }
        #expect(answers.count == 1)
    }

    /// A request is small and its answer large: what one link is answered with is bounded, whatever it asks for.
    @Test func requestsForObjectsAreAnsweredWithinABudgetOfBytes() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        let head = cluster.sites[0].node.chain.headDigest
        let before = cluster.sites[0].sent.count
        for _ in 0..<3_000 { cluster.inject(.fetch([.payload(head)]), from: 1, to: 0) }
        cluster.settle()
        let answers = cluster.sites[0].sent[before...].compactMap { sent -> Int? in
            if case .certified = sent.message, sent.to == 1 { sent.message.encoded.count } else { nil }
        }
        let size = try #require(answers.first)
        let cost = size + AnswerBudgets.bytesPerItem
        #expect(3_000 * size > AnswerBudgets.bytesMaximum)
        let spent = answers.reduce(0) { $0 + $1 + AnswerBudgets.bytesPerItem }
        // What the link was answered with on the way to version 1 comes out of the same budget.
        #expect(spent >= AnswerBudgets.bytesMaximum / 10 * 9)
        #expect(spent < AnswerBudgets.bytesMaximum + cost)
    }

    /// A signed record of more bytes than the model can give is refused before anything is fetched, whatever the rules
    /// allow. Its sender is cut off: honest nodes check before they relay.
    @Test(arguments: [1, Limits.pieces])
    func aContributionBeyondWhatTheModelCanGiveIsRefusedAndItsSenderCutOff(excess: Int) throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let bound = Int(cluster.sites[0].node.chain.bases[0].payloadBytesMaximum)
        let huge = cluster.contribution(of: 1, pieces: bound / 1024 + excess)
        #expect(huge.payloadBytes < cluster.genesis.rules.contributionBytesMaximum)
        cluster.inject(.contribution(signed(huge, by: 1, in: cluster)), from: 2, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.contributions[huge.contributionDigest] == nil)
        let relayer = cluster.sites[2].identity.member
        #expect(cluster.sites[0].notices.contains(.linkCutOff(relayer, .recordOutsideRules)))
    }

    @Test func aContributionInAnotherEncodingIsRefusedBeforeItIsFetched() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let dense = cluster.contribution(of: 1, encoding: .denseFloat32)
        cluster.inject(.contribution(signed(dense, by: 1, in: cluster)), from: 1, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.contributions[dense.contributionDigest] == nil)
        #expect(
            cluster.sites[0].notices.contains(.linkCutOff(cluster.sites[1].identity.member, .recordOutsideRules)))
    }

    /// Site 2 has asked for the pieces of site 0's contribution, and none comes.
    private func waitingForAPiece() throws -> (Cluster, Node, ContributionDigest) {
        let cluster = try Cluster(count: 4, payloadPieces: 2)
        cluster.settle()
        cluster.dropsPiece = { _, to, _ in to == 2 }
        let digest = cluster.contribution(of: 0).contributionDigest
        #expect(cluster.contributeOnly(0))
        return (cluster, cluster.sites[2].node, digest)
    }

    /// Fewer bytes than a piece has are a compressed frame, which the shell judges; more are none of this piece.
    @Test(arguments: [(1, true), (700, true), (1023, true), (1024, true), (1025, false), (1 << 20, false)])
    func pieceOfKnownSize_isStoredIfNotLarger_elseItsSenderIsCutOff(byteCount: Int, isStored: Bool) throws {
        let (cluster, node, digest) = try waitingForAPiece()
        let link = try #require(node.contributions[digest]?.requests[0]?.link)
        var effects: [Effect] = []
        node.handle(
            .piece(link, PieceName(contribution: digest, index: 0), byteCount: byteCount, PieceHandle(7)),
            now: cluster.now, into: &effects)
        let stores = effects.contains { if case .storePiece(_, _, PieceHandle(7), link) = $0 { true } else { false } }
        let closes = effects.contains { if case .close(link, .badPiece) = $0 { true } else { false } }
        #expect(stores == isStored)
        #expect(closes == !isStored)
    }

    /// A frame that does not give the signed piece costs its sender the link, and nobody else anything.
    @Test func frameThatDoesNotFitTheRoot_cutsOffItsSenderOnly() throws {
        let (cluster, node, digest) = try waitingForAPiece()
        let name = PieceName(contribution: digest, index: 0)
        let link = try #require(node.contributions[digest]?.requests[0]?.link)
        var effects: [Effect] = []
        node.handle(.piece(link, name, byteCount: 9, PieceHandle(7)), now: cluster.now, into: &effects)
        node.handle(.pieceStored(name, .mismatch, from: link), now: cluster.now, into: &effects)
        let closed = effects.compactMap { if case .close(let link, .badPiece) = $0 { link } else { nil } }
        #expect(closed == [link])
        #expect(node.contributions[digest]?.status == .fetching)
        #expect(node.contributions[digest]?.pieces[0] == false)
    }

    /// What was kept for the next height is taken up once and then gone, or it would fill its place for ever.
    @Test func whatWasKeptForTheNextHeightIsKeptOnce() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let unknown = ContributionDigest(Digest(DigestDomain("test"), [3]))
        cluster.inject(.have(unknown, pieces: Bitmap(full: 8)), from: 1, to: 0)
        cluster.settle()
        let link = cluster.linkID(0, 1)
        #expect(cluster.sites[0].node.links[link]?.early.count == 1)
        #expect(cluster.reach(1))
        let kept = cluster.sites[0].node.links[link]?.early ?? []
        #expect(!kept.contains { $0.encoded == Message.have(unknown, pieces: Bitmap(full: 8)).encoded })
    }

    /// A member's own address record costs the others a sync and n messages: not as often as it likes.
    @Test func aFloodOfAddressesIsWrittenOnceAnInterval() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        _ = cluster.run(milliseconds: 5_000) { false }
        let member = cluster.sites[1].identity.member
        let before = cluster.sites[0].journal.count
        for sequence in UInt64(10)..<60 {
            let record = AddressRecord(member: member, addresses: ["127.0.0.1:\(sequence)"], sequence: sequence)
            cluster.inject(.address(signed(record, by: 1, in: cluster)), from: 1, to: 0)
        }
        cluster.settle()
        #expect(cluster.sites[0].journal.count <= before + 1)
        _ = cluster.run(milliseconds: 20_000) { false }
        #expect(cluster.sites[0].journal.count <= before + 2)
        #expect(cluster.sites[0].node.addresses[member]?.body.sequence == 59)
        #expect(cluster.sites[2].node.addresses[member]?.body.sequence == 59)
    }
}
