import Gossip
import Ledger

/// Attacks on what is certified: a second history, none at all, one without somebody.
extension AttackSuite {
    /// Each of them runs twice under its key. The others are cut in two halves, of which each meets one of the two: a
    /// half decides alone where it and the colluders are a quorum, and where both do, there are two histories.
    func rewrite() -> Drill.Row {
        var forks = 0
        var broken = 0
        var versions = 0
        for cluster in make([.twins]) {
            func half(_ member: Int) -> Int { (member - colluders) % 2 }
            cluster.lane = half
            cluster.filter = { [colluders] from, to, _ in
                from < colluders ? to >= colluders : to < colluders || half(from) == half(to)
            }
            play(cluster, milliseconds: 15_000, until: { hasTwoHistories(cluster) })
            if hasTwoHistories(cluster) { forks += 1 }
            if isPromised, !violations(cluster).isEmpty { broken += 1 }
            if isPromised, hasTwoHistories(cluster) { forks += 1 }
            versions += cluster.checkers.versions.count
        }
        return row(
            .rewrite,
            "they run two processes with each key, one for each half of the others, who do not hear the other half",
            forks > 0
                ? "two certified histories in \(forks) of \(clusters) clusters"
                : "one history in every cluster, \(versions) versions",
            isKept: forks == 0 && broken == 0)
    }

    private func hasTwoHistories(_ cluster: Cluster) -> Bool {
        var known: [UInt64: VersionDigest] = [:]
        for site in honest(cluster) {
            for certified in site.disk.adopted {
                let digest = certified.version.versionDigest
                if known[certified.height.value, default: digest] != digest { return true }
                known[certified.height.value] = digest
            }
        }
        return false
    }

    /// From some moment on they never say a word.
    func stall() -> Drill.Row {
        var stalled = 0
        var lost = 0
        var slowest: UInt64 = 0
        for cluster in make([.silent], { options, _ in options.heights = 4 }) {
            let outcome = cluster.run()
            if outcome.violations.contains(where: { $0.checker == .noProgress }) { stalled += 1 }
            if outcome.violations.contains(where: { $0.checker != .noProgress }) { lost += 1 }
            slowest = max(slowest, outcome.duration.milliseconds / max(1, outcome.heights))
        }
        return row(
            .stall, "they are silent for ever",
            stalled == 0
                ? "the chain advances, a version in \(slowest) ms at the slowest"
                : "the chain waits in \(stalled) of \(clusters) clusters; something certified is lost in \(lost)",
            isKept: stalled == 0 && lost == 0)
    }

    /// They neither name a member's contributions, nor list them as leaders, nor vote for a version that does. Its
    /// trainer is always in time, so every version must list it.
    func censor() -> Drill.Row {
        let (listed, versions, broken) = shun(members - 1..<members)
        return row(
            .censor,
            "they neither name, nor list as leaders, nor vote for, what one member contributed",
            versions > 0
                ? "its contributions are in \(listed) of \(versions) versions"
                : "nothing is certified: the chain waits",
            isKept: broken == 0 && listed == versions, isTried: versions > 0)
    }

    /// - Returns: how many of the versions list a contribution of those who are shunned, and in how many clusters
    ///   anything that is promised was broken.
    func shun(_ shunned: Range<Int>) -> (listed: Int, versions: Int, broken: Int) {
        var (listed, versions, broken) = (0, 0, 0)
        for cluster in make([.falseAvailabilityVotes]) {
            let ids = Set(shunned.map { cluster.checkers.people[$0] })
            cluster.bind(0..<colluders, to: CollusionPlan(shunned: ids))
            play(
                cluster, milliseconds: 20_000, { cluster.pursue(0..<colluders) },
                until: { cluster.checkers.versions.count >= 6 })
            let manifests = cluster.checkers.versions.values.map(\.manifest).filter { !$0.isEmpty }
            listed += manifests.count { $0.contains { ids.contains($0.slot.author) } }
            versions += manifests.count
            if isPromised, !violations(cluster).isEmpty { broken += 1 }
        }
        return (listed, versions, broken)
    }
}
