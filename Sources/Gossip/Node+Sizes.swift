import Ledger

/// How much a node holds of each thing that peers can make it hold: what must stay bounded whatever they send.
public struct NodeSizes: Sendable, Equatable {
    public var links = 0
    /// Messages for the next height that are kept a while, over all links.
    public var earlyBytes = 0
    public var slots = 0
    public var candidates = 0
    /// Signatures of availability votes that are no certificate, over all slots.
    public var availabilityVotes = 0
    public var availabilityCertificates = 0
    /// Contributions that somebody said to hold pieces of, counted once a link.
    public var providers = 0
    /// The view that this node is in, and how many it knows something of.
    public var view = 0
    public var views = 0
    public var proposals = 0
    /// Signatures of votes, over all views.
    public var votes = 0
    public var payloads = 0
    public var readyRecords = 0
    /// `closed` statements, over all rounds, and lists of names of them.
    public var closedStatements = 0
    public var closings = 0
    public var averagings = 0
    /// Batches that are not durable yet.
    public var unsyncedBatches = 0
    public var fetches = 0
    public var addresses = 0
    /// Proofs of equivocation, and the statements against which more would show.
    public var proofs = 0
    public var statements = 0
}

extension Node {
    /// Counted on demand: O(what is held).
    public var sizes: NodeSizes {
        var sizes = NodeSizes()
        for id in links.order {
            sizes.links += 1
            sizes.earlyBytes += links[id]?.earlyBytes ?? 0
        }
        sizes.slots = contributions.slots.count
        sizes.candidates = contributions.order.count
        sizes.availabilityVotes = contributions.slots.values.reduce(0) {
            $0 + $1.votes.values.reduce(0) { $0 + $1.count }
        }
        sizes.availabilityCertificates = contributions.certificates.count
        sizes.providers = contributions.candidates.values.reduce(0) { $0 + $1.providers.count }
        sizes.view = Int(height.view.value)
        sizes.views = height.views.count
        for state in height.views.values {
            sizes.proposals += state.proposals.count
            for kind in VoteKind.allCases { sizes.votes += state.tally(kind).voterCount }
        }
        sizes.payloads = height.payloads.count
        sizes.readyRecords = height.readyObjects.count
        sizes.closedStatements = commitments.statementCount
        sizes.closings = commitments.closings.count
        sizes.averagings = averagings.states.count
        sizes.unsyncedBatches = pendingWrites.count
        sizes.fetches = pacing.fetches.count
        sizes.addresses = addresses.count
        sizes.proofs = evidence.held.count
        sizes.statements = evidence.statements.count
        return sizes
    }
}
