import Crypto
import Gossip
import Ledger

/// What the Byzantine members of a cluster know together: each other's keys, and every statement that was ever on a
/// wire. More than real colluders could know, who cannot read the links between honest members.
struct Coalition {
    /// Who decides the next height; by their positions here the colluders act.
    private(set) var members: MemberSet
    let network: NetworkID
    private let identities: [MemberID: NodeIdentity]
    /// By position in the set.
    private var keys: [Int: NodeIdentity] = [:]

    /// The first ready record of each member, by height and position.
    private(set) var ready: [UInt64: [Int: Signed<Ready>]] = [:]
    /// Every `closed` statement, of each member at most four a height.
    private(set) var closed: [VersionDigest: [MemberID: [Signed<Closed>]]] = [:]
    /// What was proposed, by height and view, each payload once.
    private(set) var proposals: [UInt64: [UInt32: [Signed<Proposal>]]] = [:]
    private(set) var contributions: [Slot: [Signed<Contribution>]] = [:]
    private(set) var availabilityVotes: [AvailabilityVote: [Int: Signature]] = [:]
    /// Answers to those who ask for something by digest that no node here ever made.
    private(set) var forgeries: [Digest: [UInt8]] = [:]
    /// What a leader shows in place of a proposal of its node, by site and payload; nil where it let it pass.
    var substitutes: [Shown: Substitute?] = [:]
    /// What they made of contributions that they had read, by base.
    var answers: [VersionDigest: LateAnswer] = [:]
    /// What they are after in a directed cluster.
    var plan: CollusionPlan?
    /// Views for which a leader showed a proposal before they began.
    var proposedAhead: Set<LedPlace> = []
    private var top: UInt64 = 0

    struct LedPlace: Hashable {
        let site: Int
        let height: Height
        let view: View
    }

    struct Shown: Hashable {
        let site: Int
        let proposal: Proposal
    }

    init(_ founding: Founding, _ byzantine: [[ByzantineBehaviour]]) {
        members = founding.genesis.members
        network = founding.genesis.network
        var identities: [MemberID: NodeIdentity] = [:]
        for (identity, behaviours) in zip(founding.identities, byzantine) where !behaviours.isEmpty {
            identities[identity.member] = identity
        }
        self.identities = identities
        findKeys()
    }

    /// Another set decides from now on: what was known by positions in the old one is worth nothing.
    mutating func follow(_ members: MemberSet) {
        guard members.digest != self.members.digest else { return }
        self.members = members
        findKeys()
        ready = [:]
        availabilityVotes = [:]
        substitutes = [:]
    }

    private mutating func findKeys() {
        keys = [:]
        for (position, member) in members.members.enumerated() { keys[position] = identities[member.id] }
    }

    /// Positions of the colluders, ascending.
    var colluders: [Int] { keys.keys.sorted() }

    func signed<Body: Statement>(_ body: Body, by colluder: Int) -> Signed<Body> {
        guard let identity = keys[colluder] else { preconditionFailure("only a colluder's key is known") }
        return Signed(body, signer: identity.member, key: identity.nodeKey, network: network)
    }

    // MARK: - What is known

    mutating func heard(_ scan: RecordScan) {
        guard !keys.isEmpty else { return }
        for record in scan.ready {
            guard let index = members.index(of: record.signer) else { continue }
            let height = record.body.height.value
            if ready[height]?[index] == nil { ready[height, default: [:]][index] = record }
        }
        for statement in scan.closed {
            let known = closed[statement.body.parent]?[statement.signer] ?? []
            guard known.count < 4, !known.contains(statement) else { continue }
            closed[statement.body.parent, default: [:]][statement.signer, default: []].append(statement)
        }
        for proposal in scan.proposals {
            let (height, view) = (proposal.body.height.value, proposal.body.view.value)
            let known = proposals[height]?[view] ?? []
            guard known.count < 4, !known.contains(where: { $0.body == proposal.body }) else { continue }
            proposals[height, default: [:]][view, default: []].append(proposal)
            forget(below: height)
        }
        plan?.heard(scan)
        for contribution in scan.contributions {
            let known = contributions[contribution.body.slot] ?? []
            guard known.count < 4, !known.contains(contribution) else { continue }
            contributions[contribution.body.slot, default: []].append(contribution)
        }
        // One of an older set may still come by: its positions mean nothing here.
        for certificate in scan.availability where certificate.signatures.fits(members) {
            for (index, signature) in certificate.signatures.byIndex
            where availabilityVotes[certificate.vote]?[index] == nil {
                availabilityVotes[certificate.vote, default: [:]][index] = signature
            }
        }
    }

    /// Two heights are remembered.
    private mutating func forget(below height: UInt64) {
        guard height > top else { return }
        top = height
        ready = ready.filter { $0.key + 1 >= top }
        proposals = proposals.filter { $0.key + 1 >= top }
        contributions = contributions.filter { slot in
            slot.value.first.map { $0.body.baseHeight.value + 2 >= top } ?? false
        }
        availabilityVotes = availabilityVotes.filter { $0.key.baseHeight.value + 2 >= top }
        closed = closed.filter { round in
            round.value.values.joined().contains { $0.body.height.value + 1 >= top }
        }
        substitutes = substitutes.filter { $0.key.proposal.height.value + 1 >= top }
        proposedAhead = proposedAhead.filter { $0.height.value + 1 >= top }
        if forgeries.count > 4_096 { forgeries = [:] }
    }

    /// Contributions in a slot for which the colluders can make a certificate, with every signature that they know.
    func certifiable(_ slot: Slot) -> [(vote: AvailabilityVote, signatures: [Int: Signature])] {
        availabilityVotes.keys.filter { $0.slot == slot }.sorted { $0.contribution < $1.contribution }.compactMap {
            vote in
            var signatures = availabilityVotes[vote] ?? [:]
            for colluder in colluders { signatures[colluder] = signed(vote, by: colluder).signature }
            let isKnown = signatures.count >= members.quorum && !closings(committing: [vote]).isEmpty
            return isKnown ? (vote, signatures) : nil
        }
    }

    /// The `closed` statements that commit these contributions, a closing a round; none where some is not committed.
    func closings(committing listed: [AvailabilityVote]) -> [Closing] {
        var closings: [Closing] = []
        for base in Set(listed.map(\.slot.base)).sorted() {
            let wanted = listed.filter { $0.slot.base == base }
                .map { Commitment(author: $0.slot.author, contribution: $0.contribution) }
            var chosen: [MemberID: Signed<Closed>] = [:]
            for signer in (closed[base] ?? [:]).keys.sorted() {
                chosen[signer] = closed[base]?[signer]?.first { closed in wanted.contains(where: closed.body.names) }
            }
            let isEach = wanted.allSatisfy { commitment in
                chosen.values.count { $0.body.names(commitment) } >= members.commitmentThreshold
            }
            guard isEach else { return [] }
            closings.append(Closing(statements: Array(chosen.values)))
        }
        return closings.sorted { $0.names.digest < $1.names.digest }
    }

    /// What a payload that lists this manifest rests on.
    func closings(for manifest: [ManifestEntry]) -> [Closing] {
        closings(
            committing: manifest.map {
                AvailabilityVote(slot: $0.slot, baseHeight: $0.baseHeight, contribution: $0.contribution)
            })
    }

    /// Slots on `base` for which they can, ascending.
    func certifiableSlots(on base: VersionDigest) -> [Slot] {
        Set(availabilityVotes.keys.map(\.slot)).filter { $0.base == base }.sorted().filter { !certifiable($0).isEmpty }
    }

    /// Every contribution that was seen in these slots.
    func records(of slots: [Slot]) -> [ContributionDigest: Contribution] {
        var records: [ContributionDigest: Contribution] = [:]
        for signed in slots.flatMap({ contributions[$0] ?? [] }) {
            records[signed.body.contributionDigest] = signed.body
        }
        return records
    }

    mutating func answer(_ name: Digest, with message: [UInt8]) { forgeries[name] = message }
}

/// What some members are shown in place of what a leader's node proposed.
struct Substitute {
    /// One a member.
    let isShownTo: [Bool]
    /// The proposal, its payload and what that embeds.
    let messages: [[UInt8]]
    /// The version that they do not see.
    let hidden: VersionDigest
}
