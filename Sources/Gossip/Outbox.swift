import Crypto
import Ledger

/// What follows once a batch is durable. Nothing here has left the node, or counted for it, before.
enum Consequence {
    case ownContribution(Signed<Contribution>)
    case ownAck(Signed<Stored>)
    case ownClosed(Signed<Closed>)
    case ownReady(Signed<Ready>)
    case ownProposal(Signed<Proposal>, Payload)
    case ownVote(Signed<Vote>)
    case adopted(CertifiedVersion)
    case ownAddress(Signed<AddressRecord>)
    case abstention(Abstention)
    case walked(Height)
    case jumped(Digest)
    /// Found here, or given by a link.
    case evidence(Evidence, from: LinkID?)
}

/// Persist before send: the messages that wait for a batch to become durable.
struct Outbox {
    private var nextTicket: UInt64 = 1
    private var waiting: [PersistTicket: [Consequence]] = [:]

    var count: Int { waiting.count }

    mutating func hold(_ consequences: [Consequence]) -> PersistTicket {
        let ticket = PersistTicket(nextTicket)
        nextTicket += 1
        waiting[ticket] = consequences
        return ticket
    }

    mutating func release(_ ticket: PersistTicket) -> [Consequence] { waiting.removeValue(forKey: ticket) ?? [] }
}

extension Node {
    /// Makes `entries` durable, and lets `consequences` happen only then.
    func persist(_ entries: [JournalEntry], then consequences: [Consequence]) {
        actions.append(.persist(outbox.hold(consequences), entries))
    }

    func persisted(_ ticket: PersistTicket) {
        for consequence in outbox.release(ticket) where !isWithheld(consequence) {
            witness(own: consequence)
            switch consequence {
            case .ownContribution(let signed): ownContributionIsDurable(signed)
            case .ownAck(let signed): ownAckIsDurable(signed)
            case .ownClosed(let signed): ownClosedIsDurable(signed)
            case .ownReady(let signed): ownReadyIsDurable(signed)
            case .ownProposal(let signed, let payload): ownProposalIsDurable(signed, payload)
            case .ownVote(let signed): ownVoteIsDurable(signed)
            case .adopted(let certified): adoptionIsDurable(certified)
            case .ownAddress(let signed): broadcast(.address(signed))
            case .abstention(let abstention): abstentionIsDurable(abstention)
            case .walked(let height): walkIsDurable(height)
            case .jumped(let root): jumpIsDurable(root)
            case .evidence(let found, let link): evidenceIsDurable(found, from: link)
            }
        }
        pacing.progressed = true
    }
}
