import Crypto
import Gossip
import Ledger

/// Watches wires and disks of a cluster and says which promises were broken.
///
/// Keeps its own books and its own arithmetic: nothing here asks the production code whether something is valid, but
/// for the Ed25519 equation and the encodings.
final class Checkers {
    private(set) var violations: [Violation] = []
    let network: NetworkID
    /// Everybody who ever takes part, by ascending id: members of the first set, and those who may be admitted.
    let people: [MemberID]
    let isHonest: [Bool]
    /// Set by the cluster before each thing that it reports.
    var now = SimulatedTime.zero

    var grounds: [SyncedGround]
    /// Whom the evidence that each member holds names.
    var accused: [Set<MemberID>]
    /// Contributions of culprits that were put on wires, and who of them put two into one slot.
    var shown: [SignedPlace: Digest] = [:]
    var contradicted: Set<MemberID> = []
    var signed: [SignedPlace: Digest] = [:]
    var versions: [UInt64: Version] = [:]
    var listed: [Slot: UInt64] = [:]
    var honestReady: [UInt64: [MemberID: Ready]] = [:]
    var finalized: [UInt64: VersionDigest] = [:]
    var quorums: [QuorumPlace: Digest] = [:]
    let genesisVersion: Version
    /// By height: that of height H + 1 is there once an honest member adopted version H.
    var rosters: [UInt64: Roster]
    /// Of each adopted version.
    var heights: [VersionDigest: UInt64]
    /// What the records of contributions say, by contribution: of those that were on a wire or on an honest disk.
    var tokens: [ContributionDigest: UInt64] = [:]
    /// Payloads that were judged.
    var judged: Set<VersionDigest> = []
    /// What an honest member said of a payload that it refused.
    var refusals: [VersionDigest: String] = [:]
    /// The views from which proposals of a payload claimed to re-propose it; 0 for afresh.
    var claimedViews: [ProposedPlace: Set<UInt32>] = [:]
    /// Who closed each round, and who named which contribution, as far as anybody was seen to.
    var commitments = CommitmentIndex()
    /// What certificates say that a slot holds.
    var available: [Slot: ContributionDigest] = [:]
    /// What was said about slots, by the height of the version through which it is embedded.
    var reviewIndexes: [UInt64: ReviewIndex] = [:]
    /// First adoptions by height, and the reverts that they decided.
    var history: [UInt64: CertifiedVersion] = [:]
    var reverts: [ObservedRevert] = []
    private let indexes: [MemberID: Int]
    private var verified: Set<VerifiedSignature> = []
    let scans = ScanMemory()
    /// Digests of what was sent: of a hundred members the bytes would fill the memory.
    private var scanned: Set<Digest> = []

    /// How many honest members of a roster hold a contribution, complete and synced. Given by the cluster.
    var holders: (ContributionDigest, Roster) -> Int = { _, _ in 0 }
    /// Whether a member holds it.
    var holds: (Int, ContributionDigest) -> Bool = { _, _ in false }
    /// Whether a member gave the contribution up because no version can list it any more.
    var hasForgotten: (Int, ContributionDigest) -> Bool = { _, _ in false }
    /// What averaging must give.
    var roots: (StateRoots, [ManifestEntry]) -> StateRoots = { parent, _ in parent }
    /// Told of every first adoption, and of who decides the next height.
    var certified: (CertifiedVersion, Roster) -> Void = { _, _ in }

    struct SignedPlace: Hashable {
        let signer: MemberID
        let place: Claim.Place
    }

    struct ProposedPlace: Hashable {
        let height: Height
        let view: View
        let version: VersionDigest
    }

    struct QuorumPlace: Hashable {
        let kind: VoteKind
        let height: UInt64
        let view: UInt32
    }

    private struct VerifiedSignature: Hashable {
        let claim: Claim
        let signature: Signature
    }

    /// - Parameter people: by ascending id; nil for those of the genesis alone.
    init(genesis: Genesis, people: [MemberID]? = nil, isHonest: [Bool]) {
        network = genesis.network
        self.people = people ?? genesis.members.members.map(\.id)
        genesisVersion = genesis.version
        rosters = [1: Roster(genesis)]
        heights = [genesis.version.versionDigest: 0]
        self.isHonest = isHonest
        accused = Array(repeating: [], count: isHonest.count)
        grounds = Array(repeating: SyncedGround(), count: isHonest.count)
        var indexes: [MemberID: Int] = [:]
        for (index, member) in self.people.enumerated() { indexes[member] = index }
        self.indexes = indexes
    }

    func report(_ checker: Violation.Checker, _ detail: String) {
        violations.append(Violation(checker: checker, time: now, detail: detail))
    }

    func index(_ member: MemberID) -> Int? { indexes[member] }

    func isHonest(_ member: MemberID) -> Bool { indexes[member].map { isHonest[$0] } ?? false }

    /// Something that `sender` put on a wire.
    ///
    /// - Returns: what stands in it, where these bytes were never sent before.
    @discardableResult
    func sent(_ bytes: [UInt8], by sender: Int) -> RecordScan? {
        if isHonest[sender], bytes.count > Wire.messageBytesMaximum {
            report(.oversizeMessage, "\(bytes.count) bytes from member \(sender)")
        }
        guard scanned.insert(scans.digest(of: bytes)).inserted else { return nil }
        let scan = scans.scan(bytes)
        for statement in scan.statements where isHonest(statement.claim.signer) && isValid(statement) {
            saw(statement.claim)
        }
        for ready in scan.ready where signed[.init(signer: ready.signer, place: .ready(ready.body.height))] != nil {
            note(ready)
        }
        for contribution in scan.contributions {
            tokens[contribution.body.contributionDigest] = contribution.body.tokens
        }
        for proposal in scan.proposals { note(proposal.body) }
        for closed in scan.closed { saw(closed) }
        for certificate in scan.availability { saw(certificate) }
        for certificate in scan.certificates { saw(certificate) }
        return scan
    }

    /// A batch of an honest member became durable.
    func synced(_ entries: [JournalEntry], by member: Int) {
        guard isHonest[member] else { return }
        // One transaction: what stands in it may rest on what stands beside it.
        for entry in entries { grounds[member].insert(entry, signer: people[member]) }
        for entry in entries { check(entry, of: member) }
    }

    /// An honest member's disk holds this journal, and nothing else that it held. What it signed stays signed.
    func replacedDisk(of member: Int, by entries: [JournalEntry]) {
        guard isHonest[member] else { return }
        grounds[member] = SyncedGround()
        accused[member] = []
        for entry in entries {
            grounds[member].insert(entry, signer: people[member])
            if case .evidence(let evidence) = entry { holds(evidence, by: member) }
        }
    }

    private func check(_ entry: JournalEntry, of member: Int) {
        switch entry {
        case .certificate(let certificate):
            kept(certificate, by: member)
        case .adopt(let certified), .headerSynced(let certified):
            adopted(certified, by: member)
        case .ownContribution(let signed), .contribution(let signed):
            tokens[signed.body.contributionDigest] = signed.body.tokens
        case .closed(let signed):
            kept(signed, by: member)
        case .ready(let signed):
            note(signed)
        case .availability(let certificate):
            if isQuorumOfValid(certificate.signatures, over: certificate.vote) {
                enter(certificate.vote)
            } else {
                report(.invalidCertificate, "member \(member) keeps an availability certificate without a quorum")
            }
        case .proposal(let signed):
            note(signed.body)
        case .payload(let embedded):
            validate(embedded, of: member)
        case .vote(let signed):
            checkJustification(of: signed.body, by: member)
        case .evidence(let evidence):
            holds(evidence, by: member)
        default: break
        }
        if let claim = SyncedGround.claim(of: entry), claim.signer == people[member] { enter(claim) }
        checkGround(of: entry, by: member)
    }

    func note(_ ready: Signed<Ready>) {
        guard isHonest(ready.signer) else { return }
        honestReady[ready.body.height.value, default: [:]][ready.signer] = ready.body
    }

    func isValid(_ statement: RecordScan.Statement) -> Bool {
        isValid(statement.claim, statement.signature, statement.isSigned)
    }

    func isValid(
        _ claim: Claim, _ signature: Signature, _ isSigned: (VerifyingKey, NetworkID) -> Bool
    ) -> Bool {
        guard let key = roster(of: claim.place).memberSet[claim.signer]?.nodeKey else { return false }
        let name = VerifiedSignature(claim: claim, signature: signature)
        if verified.contains(name) { return true }
        guard isSigned(key, network) else { return false }
        verified.insert(name)
        return true
    }
}
