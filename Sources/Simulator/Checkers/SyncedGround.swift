import Crypto
import Gossip
import Ledger

/// What one member's disk holds for certain, as far as signatures rest on it.
struct SyncedGround {
    private(set) var claims: Set<Claim> = []
    private(set) var contributions: Set<ContributionDigest> = []
    private(set) var available: Set<Slot> = []
    /// Who names a contribution, in `closed` statements that are here.
    private(set) var namers: [ContributionDigest: Set<MemberID>] = [:]
    private(set) var payloads: Set<VersionDigest> = []
    private(set) var certificates: Set<Vote> = []
    /// Own votes to finalize.
    private(set) var finalized: [Vote] = []

    mutating func insert(_ entry: JournalEntry, signer: MemberID) {
        if let claim = SyncedGround.claim(of: entry), claim.signer == signer { claims.insert(claim) }
        switch entry {
        case .ownContribution(let signed), .contribution(let signed):
            contributions.insert(signed.body.contributionDigest)
        case .availability(let certificate): available.insert(certificate.vote.slot)
        case .payload(let embedded):
            payloads.insert(embedded.payload.version.versionDigest)
            for closed in embedded.closings.flatMap(\.statements) { insert(closed) }
        case .closed(let signed): insert(signed)
        case .certificate(let certificate): certificates.insert(certificate.vote)
        case .vote(let signed): if signed.body.kind == .finalize { finalized.append(signed.body) }
        default: break
        }
    }

    private mutating func insert(_ closed: Signed<Closed>) {
        for commitment in closed.body.commitments { namers[commitment.contribution, default: []].insert(closed.signer) }
    }

    func entered(_ height: Height, _ view: View) -> Bool {
        view == .first
            || certificates.contains {
                $0.height == height && $0.view.value + 1 >= view.value && $0.kind != .finalize
            }
    }

    /// The own signature that an entry binds, if it binds one.
    static func claim(of entry: JournalEntry) -> Claim? {
        switch entry {
        case .ownContribution(let signed): Claim(signer: signed.signer, signed.body)
        case .availabilityVote(let signed): Claim(signer: signed.signer, signed.body)
        case .closed(let signed): Claim(signer: signed.signer, signed.body)
        case .ready(let signed): Claim(signer: signed.signer, signed.body)
        case .proposal(let signed): Claim(signer: signed.signer, signed.body)
        case .vote(let signed): Claim(signer: signed.signer, signed.body)
        case .contribution, .availability, .payload, .certificate, .adopt, .address, .evidence,
            .conflictingCertificate, .headerSynced, .stateSynced, .abstention, .action, .review, .verdict:
            nil
        }
    }
}
