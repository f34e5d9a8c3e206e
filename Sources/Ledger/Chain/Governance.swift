import Crypto

/// One exclusion that the members decided on.
public struct Revert: Hashable, Sendable {
    public let exclusion: Exclusion
    /// The first version whose replay leaves out what is excluded.
    public let from: Height
    /// The version that carries the decision.
    public let decided: Height
    /// The version in which the replayed state took over; nil while the replay is pending.
    public let switched: Height?
}

/// Rules that were in force through some version, and not after it.
public struct PastRules: Hashable, Sendable {
    public let rules: Rules
    public let through: Height
}

/// How many members decided the heights through some version, and not those after it.
public struct PastMembers: Hashable, Sendable {
    public let count: Int
    public let through: Height
}

/// Where the members' decisions stand after some version. What a past action did to members and rules is in those; here
/// is what else an action is judged by.
public struct Governance: Hashable, Sendable {
    /// The last sequence number that took effect, by subject.
    public private(set) var sequences: [GovernanceSubject: UInt64] = [:]
    /// In the order in which they were decided.
    public private(set) var reverts: [Revert] = []
    /// Rules that were replaced, oldest first: a replay makes every version by the rules of its height.
    public private(set) var pastRules: [PastRules] = []
    /// Numbers of members that changed, oldest first: a replay averages every version as the members of its height did.
    public private(set) var pastMembers: [PastMembers] = []

    public init() {}

    /// Decided, and not yet taken over by a replayed state.
    public var pendingReverts: [Revert] { reverts.filter { $0.switched == nil } }

    /// Names all exclusions that hold, in the order in which they were decided.
    public var exclusionsDigest: Digest {
        let body = CBOR.array(reverts.map { .array([$0.exclusion.cbor, .height($0.from)]) })
        return Digest(DigestDomain("mesh/exclusions"), body.encoded)
    }

    /// The first version that the pending replay makes anew; nil where none is pending.
    ///
    /// Where it reaches back behind an earlier switch, the state there may hold what that switch took out: then the
    /// replay begins where the exclusion that it took over does, and so on.
    public var replayFrom: Height? {
        guard var first = pendingReverts.map(\.from).min() else { return nil }
        while let earlier = reverts.filter({ $0.from < first && ($0.switched ?? first) >= first }).map(\.from).min() {
            first = earlier
        }
        return first
    }

    /// The version that the pending replay starts from must not lie before this one: the last switch below
    /// `replayFrom`, whose state its manifest does not give. Genesis where there is none.
    public var replayFloor: Height {
        guard let first = replayFrom else { return .genesis }
        return reverts.compactMap(\.switched).filter { $0 < first }.max() ?? .genesis
    }

    /// The lowest number that the next action on `subject` may have.
    public func nextSequence(about subject: GovernanceSubject) -> UInt64 { (sequences[subject] ?? 0) + 1 }

    /// Whether a replay of the version at `height` leaves this contribution out. What names a data set whose exclusion
    /// does not bind the future stays in where it was made after the decision.
    public func excludes(_ contribution: Contribution, at height: Height) -> Bool {
        reverts.contains { revert in
            guard revert.from <= height else { return false }
            switch revert.exclusion {
            case .contribution(let digest): return contribution.contributionDigest == digest
            case .dataSet(let digest, let bindsFuture):
                return contribution.dataSets.contains(digest)
                    && (bindsFuture || contribution.baseHeight < revert.decided)
            }
        }
    }

    /// Whether an exclusion that binds the future, decided at the contribution's base or before, forbids it.
    public func forbids(_ contribution: Contribution) -> Bool {
        forbidden(of: contribution.dataSets, baseHeight: contribution.baseHeight) != nil
    }

    /// The first of these data sets that a contribution on a base of this height may not name; nil where it may name all.
    public func forbidden(of dataSets: [Digest], baseHeight: Height) -> Digest? {
        dataSets.first { dataSet in
            reverts.contains { $0.exclusion == .dataSet(dataSet, bindsFuture: true) && $0.decided <= baseHeight }
        }
    }

    /// - Parameters:
    ///   - rules: in force at `height`.
    ///   - members: how many decide `height`.
    mutating func note(_ action: GovernanceAction, at height: Height, rules: Rules, members: Int) {
        sequences[action.change.subject] = action.sequence
        switch action.change {
        case .revert(let exclusion, let from):
            reverts.append(Revert(exclusion: exclusion, from: from, decided: height, switched: nil))
        case .rules: pastRules.append(PastRules(rules: rules, through: height))
        case .admit, .remove: pastMembers.append(PastMembers(count: members, through: height))
        case .rotate, .switchToReplay: break
        }
    }

    /// Where the decisions would stand after a version of this height that carried the action.
    public func reverting(
        _ action: GovernanceAction, at height: Height, rules: Rules, members: Int
    ) -> Governance {
        var governance = self
        governance.note(action, at: height, rules: rules, members: members)
        return governance
    }

    mutating func noteSwitch(at height: Height) {
        reverts = reverts.map { revert in
            Revert(
                exclusion: revert.exclusion, from: revert.from, decided: revert.decided,
                switched: revert.switched ?? height)
        }
    }
}
