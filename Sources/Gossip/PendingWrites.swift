import Crypto
import Ledger
import Link

/// What follows once a batch is durable. Nothing here has left the node, or counted for it, before.
enum WriteCompletion {
    case ownContribution(Signed<Contribution>)
    case ownAvailabilityVote(Signed<AvailabilityVote>)
    case ownClosed(Signed<Closed>)
    case ownReady(Signed<Ready>)
    case ownProposal(Signed<Proposal>, Payload)
    case ownVote(Signed<Vote>)
    case adopted(CertifiedVersion)
    case ownAddress(Signed<AddressRecord>)
    case abstention(Abstention)
    case headerSynced(Height)
    case stateSynced(Digest)
    /// Found here, or given by a link.
    case evidence(Evidence, from: LinkID?)
}

/// Persist before send: the messages that wait for a batch to become durable.
struct PendingWrites {
    private var nextTicket: UInt64 = 1
    private var waiting: [PersistTicket: [WriteCompletion]] = [:]

    var count: Int { waiting.count }

    mutating func hold(_ completions: [WriteCompletion]) -> PersistTicket {
        let ticket = PersistTicket(nextTicket)
        nextTicket += 1
        waiting[ticket] = completions
        return ticket
    }

    mutating func release(_ ticket: PersistTicket) -> [WriteCompletion] { waiting.removeValue(forKey: ticket) ?? [] }
}

extension Node {
    /// Makes `entries` durable, and lets `completions` happen only then.
    func persist(_ entries: [JournalEntry], then completions: [WriteCompletion]) {
        effects.append(.persist(pendingWrites.hold(completions), entries))
    }

    func persisted(_ ticket: PersistTicket) {
        for completion in pendingWrites.release(ticket) where !isAbstained(completion) {
            observe(own: completion)
            switch completion {
            case .ownContribution(let signed): ownContributionIsDurable(signed)
            case .ownAvailabilityVote(let signed): ownAvailabilityVoteIsDurable(signed)
            case .ownClosed(let signed): ownClosedIsDurable(signed)
            case .ownReady(let signed): ownReadyIsDurable(signed)
            case .ownProposal(let signed, let payload): ownProposalIsDurable(signed, payload)
            case .ownVote(let signed): ownVoteIsDurable(signed)
            case .adopted(let certified): adoptionIsDurable(certified)
            case .ownAddress(let signed): send(.address(signed), to: .all())
            case .abstention(let abstention): abstentionIsDurable(abstention)
            case .headerSynced(let height): headerIsDurable(height)
            case .stateSynced(let root): stateSyncIsDurable(root)
            case .evidence(let found, let link): evidenceIsDurable(found, from: link)
            }
        }
        pacing.progressed = true
    }
}
