import Crypto
import Ledger
import Link

/// What is known of the commitments on one base: who has closed the round there, and which contributions that commits.
struct CommitmentRound {
    /// The height that the round decides: that after its base.
    let height: Height
    /// The set of that height.
    let members: MemberSet
    /// Of each member the first statement that came.
    private(set) var statements: [Int: Signed<Closed>] = [:]
    /// By object digest: those above, and second statements of members that signed two, as far as something needs them.
    private var objects: [Digest: Signed<Closed>] = [:]
    private var namers: [Commitment: Set<Int>] = [:]
    /// When a quorum had closed the round, as seen here; nil before.
    private(set) var closedSince: Instant?
    /// Commitments that enough statements name, ascending.
    private(set) var committed: [Commitment] = []

    init(height: Height, members: MemberSet) {
        self.height = height
        self.members = members
    }

    /// A quorum has closed the round: too few members are left that could still name another contribution.
    var isClosed: Bool { closedSince != nil }

    /// How many statements are held, second ones included.
    var count: Int { objects.count }

    func object(_ name: Digest) -> Signed<Closed>? { objects[name] }

    func isCommitted(_ commitment: Commitment) -> Bool {
        namers[commitment, default: []].count >= members.commitmentThreshold
    }

    /// Whether the statements of the members that were not heard yet could still commit it.
    func mayBeCommitted(_ commitment: Commitment) -> Bool {
        mayBeCommitted(commitment, awaiting: members.count - statements.count)
    }

    /// The same where only so many members are expected to speak.
    func mayBeCommitted(_ commitment: Commitment, awaiting: Int) -> Bool {
        namers[commitment, default: []].count + awaiting >= members.commitmentThreshold
    }

    func isNamed(_ commitment: Commitment, by index: Int) -> Bool { namers[commitment]?.contains(index) ?? false }

    /// Everything that some statement names, in no order.
    var named: some Collection<Commitment> { namers.keys }

    func isNew(_ closed: Signed<Closed>, at index: Int) -> Bool {
        guard let known = statements[index] else { return true }
        return known != closed && objects[closed.objectDigest] == nil
    }

    /// Takes a valid statement. Returns the commitments that it completes.
    mutating func insert(_ closed: Signed<Closed>, at index: Int, now: Instant) -> [Commitment] {
        guard objects.updateValue(closed, forKey: closed.objectDigest) == nil else { return [] }
        if statements[index] == nil { statements[index] = closed }
        if closedSince == nil, statements.count >= members.quorum { closedSince = now }
        var completed: [Commitment] = []
        for commitment in closed.body.commitments {
            let before = isCommitted(commitment)
            namers[commitment, default: []].insert(index)
            if !before, isCommitted(commitment) { completed.append(commitment) }
        }
        committed = (committed + completed).sorted()
        return completed
    }

    /// In a process that has just started deadlines run from now.
    mutating func restart(at now: Instant) { if closedSince != nil { closedSince = now } }

    /// Statements that show that all of these are committed, by ascending signer and as few as that order allows; nil if too
    /// few are held. Of a
    /// member that signed several as many as are needed: each of them may be what commits another contribution.
    func proof(of commitments: [Commitment]) -> [Signed<Closed>]? {
        var lacking: [Commitment: Int] = [:]
        for commitment in commitments { lacking[commitment] = members.commitmentThreshold }
        var chosen: [MemberID: [Signed<Closed>]] = [:]
        func choose(_ closed: Signed<Closed>) {
            let earlier = chosen[closed.signer] ?? []
            let fresh = commitments.filter { commitment in
                closed.body.names(commitment) && !earlier.contains { $0.body.names(commitment) }
            }
            guard fresh.contains(where: { lacking[$0, default: 0] > 0 }) else { return }
            chosen[closed.signer] = earlier + [closed]
            for commitment in fresh { lacking[commitment, default: 0] -= 1 }
        }
        for index in statements.keys.sorted() { choose(statements[index]!) }
        if lacking.values.contains(where: { $0 > 0 }) {
            for name in objects.keys.sorted() { choose(objects[name]!) }
        }
        let statements = chosen.keys.sorted().flatMap { irredundant(chosen[$0]!, for: commitments) }
        guard lacking.values.allSatisfy({ $0 <= 0 }), statements.count <= members.closingStatementsMaximum else {
            return nil
        }
        return statements
    }

    /// Of the statements of one member those that name something of `commitments` that the others kept do not.
    private func irredundant(_ statements: [Signed<Closed>], for commitments: [Commitment]) -> [Signed<Closed>] {
        var kept = statements
        for one in statements where kept.count > 1 {
            let others = kept.filter { $0 != one }
            let isNeeded = commitments.contains { commitment in
                one.body.names(commitment) && !others.contains { $0.body.names(commitment) }
            }
            if !isNeeded { kept = others }
        }
        return kept
    }

    /// The statements that name this contribution, by ascending name.
    func statements(naming contribution: ContributionDigest) -> [Signed<Closed>] {
        // Asked for by peers: what is named by none costs no search through all statements.
        guard namers.keys.contains(where: { $0.contribution == contribution }) else { return [] }
        return objects.keys.sorted().compactMap { objects[$0] }.filter { closed in
            closed.body.commitments.contains { $0.contribution == contribution }
        }
    }

    /// Everything of one member, the first statement first.
    func statements(of index: Int) -> [Signed<Closed>] {
        guard let first = statements[index] else { return [] }
        return [first]
            + objects.keys.sorted().compactMap { objects[$0] }.filter {
                $0.signer == first.signer && $0 != first
            }
    }
}

/// The rounds on the bases that may still be listed, and whom the next round expects.
struct CommitmentTable {
    private(set) var rounds: [VersionDigest: CommitmentRound] = [:]
    /// Names of statements that a payload of the height rests on, by their digest.
    var closings: [Digest: ClosingNames] = [:]
    /// Digests of lists that are longer than any set: no valid payload of the height names them.
    var oversized: Set<Digest> = []
    /// Who took part lately: the round waits for them. Nil while no member is known to have: then every member counts.
    private(set) var active: Set<MemberID>?
    /// Members whose commitments may bring no contribution.
    var suspects = Suspects()
    /// Whose contribution came too late since the last adoption.
    private var late: Set<MemberID> = []
    /// What adopted versions list, by their height, as far as its payloads are kept: of what is not known otherwise these
    /// alone are given to others. A contribution that ended unlisted was never shown; its values go into a later one.
    private var listed: [(height: Height, contributions: Set<ContributionDigest>)] = []

    subscript(base: VersionDigest) -> CommitmentRound? { rounds[base] }

    /// How many statements are held, over all rounds.
    var statementCount: Int { rounds.values.reduce(0) { $0 + $1.count } }

    /// The statement of this name, whatever its round.
    func object(_ name: Digest) -> Signed<Closed>? {
        for round in rounds.values { if let closed = round.object(name) { return closed } }
        return nil
    }

    func isCommitted(_ commitment: Commitment, on base: VersionDigest) -> Bool {
        rounds[base]?.isCommitted(commitment) ?? false
    }

    /// Takes a valid statement about the round on `base`. Returns the commitments that it completes.
    mutating func insert(_ closed: Signed<Closed>, at index: Int, on base: Chain.Base, now: Instant) -> [Commitment] {
        rounds[base.digest, default: CommitmentRound(height: base.height.next, members: base.members)]
            .insert(closed, at: index, now: now)
    }

    mutating func restart(at now: Instant) { for base in rounds.keys { rounds[base]?.restart(at: now) } }

    /// After an adoption: rounds on other bases than these are over. Members that took part in the last one are expected
    /// in the next; if none did, those that took part before.
    mutating func advance(to chain: Chain, participants: Set<MemberID>, listing contributions: Set<ContributionDigest>)
    {
        rounds = rounds.filter { chain.base($0.key) != nil }
        listed.removeAll { $0.height <= chain.oldestBase }
        if !contributions.isEmpty { listed.append((chain.height, contributions)) }
        closings = [:]
        oversized = []
        let atWork = participants.union(late)
        if !atWork.isEmpty { active = atWork }
        late = []
    }

    /// A contribution of this member came too late: it is at work, so this round expects it, and the next one.
    mutating func noteLate(_ member: MemberID) {
        active?.insert(member)
        late.insert(member)
    }

    /// Whether a contribution of this member came too late since the last adoption.
    func isLate(_ member: MemberID) -> Bool { late.contains(member) }

    func isListed(_ contribution: ContributionDigest) -> Bool {
        listed.contains { $0.contributions.contains(contribution) }
    }
}
