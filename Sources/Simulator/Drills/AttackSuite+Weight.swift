import Gossip
import Ledger

/// Attacks on what each member's contribution is worth.
extension AttackSuite {
    /// They contribute twice, copy what others made, and flood.
    func dominateByNumbers() -> Drill.Row {
        let shares = Shares(of: self, make([.copies, .equivocatesContributions, .floodsContributions]))
        return row(
            .dominate, "they contribute twice in a slot, copy what others made, and flood",
            (shares.repeated == 0
                ? "one entry each in a version" : "\(shares.repeated) entries beyond one of an author in a version")
                + ", \(shares.ofWeight) % of all weight that versions give; that a copy then loses its own in the averaging "
                + "is not in these clusters",
            isKept: shares.isSound && shares.repeated == 0 && shares.isWithinNumbers, isTried: shares.isAny)
    }

    /// In a mesh that weighs by tokens they claim a million times what others made theirs of.
    func dominateByTokens() -> Drill.Row {
        let cap = Rules.oneQ30 / UInt32(members) * 2
        let clusters = make([.falseAvailabilityVotes]) { options, faults in
            options.weights = .tokens
            options.nodeWeightMaximumQ30 = cap
            faults.claimedTokens = 1_000_000_000
        }
        let shares = Shares(of: self, clusters)
        return row(
            .dominate, "where tokens weigh, they claim a million times what they made theirs of",
            "under a cap of \(percent(cap)) % of a step none has more than \(shares.largest) %, together \(shares.ofStep) %; "
                + "the others are left with \(shares.ofOthers) % and what is cut off goes to nobody: counts are "
                + "self-declared, the cap is the only defence",
            isKept: shares.isSound && shares.largest <= percent(cap))
    }

    private func percent(_ shareQ30: UInt32) -> Int { Int(100 * UInt64(shareQ30) / UInt64(Rules.oneQ30)) }

    /// They ask for a second identity.
    func dominateByIdentities() -> Drill.Row {
        govern(
            .dominate, "they sign the admission of a second identity of theirs", guests: 1,
            change: { cluster, _ in .admit(cluster.operators.people[members]) },
            isAchieved: { cluster, chain in chain.members[cluster.checkers.people[members]] != nil },
            achieved: "admitted: they are one more", resisted: "not admitted")
    }

    /// They leave out everybody else.
    func dominateByExclusion() -> Drill.Row {
        let (listed, versions, broken) = shun(everybodyElse)
        return row(
            .dominate, "they neither name, nor list as leaders, nor vote for, what anybody else contributed",
            versions == 0
                ? "nothing is certified: the chain waits"
                : listed == versions
                    ? "every one of \(versions) versions lists others than them"
                    : "\(versions - listed) of \(versions) versions list nobody but them",
            isKept: broken == 0 && listed == versions, isTried: versions > 0)
    }
}

/// How weight was shared out in some clusters, in percent.
struct Shares {
    /// Of all weight that was given, what colluders have.
    var ofWeight = 0
    /// Of a step, the largest that they and that all others have together in a version.
    var ofStep = 0
    var ofOthers = 0
    /// Of a step, what one of them has at most.
    var largest = 0
    /// Entries of an author beyond one in a version.
    var repeated = 0
    /// Whether versions gave any weight.
    var isAny = false
    /// Whether colluders have no larger a part of it than of the members.
    var isWithinNumbers = true
    /// Whether nothing else that is promised was broken.
    var isSound = true

    init(of range: AttackSuite, _ clusters: [Cluster]) {
        var all: UInt64 = 0
        var own: UInt64 = 0
        for cluster in clusters {
            range.play(cluster, milliseconds: 6_000, until: { cluster.checkers.versions.count >= 8 })
            let faulty = Set((0..<range.colluders).map { cluster.checkers.people[$0] })
            for manifest in cluster.checkers.versions.values.map(\.manifest) where !manifest.isEmpty {
                let step = UInt64(Rules.oneQ30) * UInt64(manifest.count)
                let weight = manifest.reduce(UInt64(0)) { $0 + $1.weightQ30 }
                let theirs = manifest.filter { faulty.contains($0.slot.author) }.map(\.weightQ30)
                all += weight
                own += theirs.reduce(0, +)
                ofStep = max(ofStep, Int(100 * theirs.reduce(0, +) / step))
                ofOthers = max(ofOthers, Int(100 * (weight - theirs.reduce(0, +)) / step))
                largest = max(largest, Int(100 * (theirs.max() ?? 0) / step))
                repeated += manifest.count - Set(manifest.map(\.slot.author)).count
            }
            if range.isPromised, !range.violations(cluster).isEmpty { isSound = false }
        }
        ofWeight = Int(100 * own / max(1, all))
        isAny = all > 0
        isWithinNumbers = own * UInt64(range.members) <= all * UInt64(range.colluders)
    }
}
