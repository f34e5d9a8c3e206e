import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

/// What keys may still say after their members have others.
struct RetiredKeyTests {
    private let cluster: Cluster
    /// Each member's key from the height after its rotation on.
    private let fresh: [SigningKey]

    init() throws {
        cluster = try Cluster(count: 4)
        var random = SeededRandom(simulationSeed: 91)
        fresh = (0..<4).map { _ in SigningKey(seed: random.secret(count: 32)) }
    }

    private func next(_ chain: Chain, _ change: Change? = nil) throws -> Chain {
        let action = change.map { GovernanceAction(change: $0, sequence: 1, first: Height(1), last: Height(100)) }
        let outcome = try action.map { try chain.outcome(of: $0) }
        let support = Support(ready: [])
        let version = Version(
            network: chain.network, height: chain.nextHeight, parent: chain.headDigest, manifest: [],
            action: action?.digest, rules: chain.rules.digest,
            members: (outcome?.members ?? chain.members).digest, support: support.digest, roots: chain.head.roots)
        return try chain.advanced(
            by: EmbeddedPayload(
                payload: Payload(version: version, support: support), ready: [], availability: [],
                action: action.map { CompleteAction(signed: SignedGovernanceAction(action: $0, operators: [])) }))
    }

    /// A chain in which these members got new keys, one a version from 2 on, and that then went on.
    private func chain(rotating members: [Int], height: UInt64) throws -> Chain {
        var chain = try next(Chain(genesis: cluster.genesis))
        for index in members {
            let old = cluster.genesis.members.members[index]
            var random = SeededRandom(simulationSeed: UInt64(index) + 200)
            let rotated = Member(
                id: old.id, name: old.name, operatorKey: old.operatorKey, nodeKey: fresh[index].verifyingKey,
                linkKey: LinkKey(secret: random.secret(count: 32)).publicKey, keyEpoch: 1)
            chain = try next(chain, .rotate(rotated))
        }
        while chain.height.value < height { chain = try next(chain) }
        return chain
    }

    private func node(_ chain: Chain, journal: [JournalEntry] = []) -> Node {
        let node = Node(
            identity: cluster.sites[0].identity, timing: Timing(), recovered: Recovered(chain: chain, journal: journal),
            verifier: Verifier(), random: SeededRandom(simulationSeed: 1))
        var effects: [Effect] = []
        node.handle(.start, now: Instant(milliseconds: 1), into: &effects)
        node.handle(.linkUp(LinkID(1), cluster.sites[1].identity.member), now: Instant(milliseconds: 1), into: &effects)
        return node
    }

    /// What the node made durable, and whether it cut the link off.
    private func give(_ message: Message, to node: Node) -> (entries: [JournalEntry], isCutOff: Bool) {
        var effects: [Effect] = []
        node.handle(.message(LinkID(1), message.encoded), now: Instant(milliseconds: 2), into: &effects)
        var entries: [JournalEntry] = []
        var isCutOff = false
        for effect in effects {
            if case .persist(_, let some) = effect { entries += some }
            if case .close(_, .invalidSignature) = effect { isCutOff = true }
        }
        return (entries, isCutOff)
    }

    private func proof(height: UInt64, by index: Int, key: SigningKey? = nil, view: UInt32 = 1) -> Evidence {
        let votes = [UInt8(1), 2].map { number in
            Signed(
                Vote(
                    kind: .notarize, height: Height(height), view: View(view),
                    version: VersionDigest(Digest(DigestDomain("test"), [number]))),
                signer: cluster.sites[index].identity.member, key: key ?? cluster.sites[index].identity.nodeKey,
                network: cluster.genesis.network)
        }
        return .votes(votes[0], votes[1])
    }

    private var staleness: UInt64 { UInt64(cluster.genesis.rules.maxStaleness) }

    /// A retired key may have been stolen since: what it says of long ago is nobody's proof, and nobody's fault.
    @Test func aRetiredKeyConvictsNobodyOfOldThings() throws {
        let node = node(try chain(rotating: [2], height: staleness + 6))
        let old = give(.evidence(.proof(proof(height: 1, by: 2))), to: node)
        #expect(old.entries.isEmpty && !old.isCutOff)
        let kept = proof(height: 1, by: 3)
        #expect(give(.evidence(.proof(kept)), to: node).entries == [.evidence(kept)])
    }

    /// In the last heights the set of then judges, by its keys of then and no others.
    @Test func theSetOfThePlaceJudgesLately() throws {
        // Version 2 carries the rotation: the new key signs from height 3 on.
        let node = node(try chain(rotating: [2], height: 2))
        let early = proof(height: 2, by: 2)
        #expect(give(.evidence(.proof(early)), to: node).entries == [.evidence(early)])
        let late = proof(height: 3, by: 2, key: fresh[2])
        #expect(give(.evidence(.proof(late)), to: node).entries == [.evidence(late)])
        #expect(give(.evidence(.proof(proof(height: 3, by: 2, view: 2))), to: node).isCutOff)
    }

    private func certificate(by signers: [Int]) -> VoteCertificate {
        cluster.votes(
            Vote(
                kind: .finalize, height: Height(1), view: .first,
                version: VersionDigest(Digest(DigestDomain("test"), [9]))), by: signers)
    }

    /// What was kept of a height that is not adopted yet was kept because it contradicts something.
    @Test func aRestartBeforeTheAdoptionStillStops() throws {
        let node = node(
            Chain(genesis: cluster.genesis), journal: [.conflictingCertificate(certificate(by: [1, 2, 3]))])
        #expect(node.alarms == [.conflictingCertificates(Height(1))] && node.isStopped)
    }

    /// Thieves of retired keys can certify another past; they cannot stop a node that adopted its own.
    @Test(arguments: [[], [1], [1, 2], [1, 2, 3]])
    func anOldForkStopsOnlyWhileItsKeysAreInUse(rotated: [Int]) throws {
        let chain = try chain(rotating: rotated, height: 8)
        let node = node(chain)
        let foreign = certificate(by: [1, 2, 3])
        let given = give(.votes(foreign), to: node)
        #expect(given.entries.contains(.conflictingCertificate(foreign)))
        // At least (signers with keys in use) + q - n signed both.
        let stops = 3 - rotated.count + 3 - 4 > 1
        let alarm: Alarm = stops ? .conflictingCertificates(Height(1)) : .retiredKeysCertified(Height(1))
        #expect(node.alarms == [alarm])
        #expect(node.isStopped == stops)
        #expect(node.chain.headDigest == chain.headDigest)
        let again = self.node(chain, journal: [.conflictingCertificate(foreign)])
        #expect(again.alarms == [alarm])
        #expect(give(.votes(foreign), to: again).entries.isEmpty, "it is known already")
    }
}
