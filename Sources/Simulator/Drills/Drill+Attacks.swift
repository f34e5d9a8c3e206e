import Gossip
import Ledger

/// What colluders do, and what is measured.
extension DrillRange {
    /// Each of them runs twice under its key, and the others are cut in two halves that hear only the colluders: whatever
    /// one half decides, the other may decide otherwise, if the colluders and a half are enough.
    func rewrite() -> Drill.Row {
        var forks = 0
        var versions = 0
        let worlds = make([.twins, .equivocatesProposals, .equivocatesVotes], heights: 10) {
            $0.linkBreakInterval = 300
        }
        for world in worlds {
            world.filter = { [colluders] from, to, _ in
                from < colluders || to < colluders || (from - colluders) % 2 == (to - colluders) % 2
            }
            let outcome = world.run()
            let conflict: Set<Violation.Oracle> = [.conflictingVersions, .conflictingCertificates]
            if outcome.violations.contains(where: { conflict.contains($0.oracle) }) { forks += 1 }
            versions += Int(outcome.heights)
        }
        return row(
            .rewrite, "two processes with each key, the others cut in halves, votes for everything",
            forks == 0 ? "one history in every world, \(versions) versions" : "two histories in \(forks) worlds",
            isKept: forks == 0)
    }

    /// From some moment on they never say a word.
    func stall() -> Drill.Row {
        var stalled = 0
        var lost = 0
        var slowest: UInt64 = 0
        for world in make([.silent], heights: 4) {
            let outcome = world.run()
            if outcome.violations.contains(where: { $0.oracle == .noProgress }) { stalled += 1 }
            if outcome.violations.contains(where: { $0.oracle != .noProgress }) { lost += 1 }
            slowest = max(slowest, outcome.duration.milliseconds / max(1, outcome.heights))
        }
        return row(
            .stall, "all of them are silent for ever",
            stalled == 0
                ? "the chain advances, a version in \(slowest) ms at the slowest"
                : "the chain waits in \(stalled) worlds; something certified is lost in \(lost)",
            isKept: stalled == 0 && lost == 0)
    }

    /// They contribute twice, copy what others made, and flood.
    func dominate() -> Drill.Row {
        var most = 0
        var entries = 0
        var own = 0
        var isBroken = false
        for world in make([.copies, .equivocatesContributions, .floodsContributions]) {
            let outcome = world.run()
            isBroken = isBroken || outcome.violations.contains { $0.oracle == .repeatedSlot }
            let faulty = Set((0..<colluders).map { world.oracles.people[$0] })
            for version in world.oracles.versions.values where !version.manifest.isEmpty {
                let weights = version.manifest.reduce((all: UInt64(0), own: UInt64(0))) { sum, entry in
                    let isOwn = faulty.contains(entry.slot.author)
                    return (sum.all + entry.weightQ30, sum.own + (isOwn ? entry.weightQ30 : 0))
                }
                most = max(most, Int(100 * weights.own / max(1, weights.all)))
                entries += version.manifest.count
                own += version.manifest.count { faulty.contains($0.slot.author) }
            }
        }
        let share = entries == 0 ? 0 : 100 * own / entries
        return row(
            .dominate, "second contributions, copies of others', floods",
            "one entry each, \(share) % of all entries, at most \(most) % of the weight of a version",
            isKept: !isBroken && 100 * colluders >= share * members - 100)
    }

    /// As leaders they leave others out, and never say what they hold.
    func censor() -> Drill.Row {
        var missing = 0
        var made = 0
        for world in make([.censors, .equivocatesVotes, .withholdsAvailability], heights: 8) {
            let outcome = world.run()
            let broken: Set<Violation.Oracle> = [.inclusion, .invalidPayload]
            if outcome.violations.contains(where: { broken.contains($0.oracle) }) { missing += 1 }
            let faulty = Set((0..<colluders).map { world.oracles.people[$0] })
            made += world.oracles.listed.keys.count { !faulty.contains($0.author) }
        }
        return row(
            .censor, "leaders that leave slots out, voters that back them, acks held back",
            missing == 0
                ? "nothing that 2f + 1 honest members were ready with is missing; \(made) of theirs listed"
                : "left out in \(missing) worlds",
            isKept: missing == 0)
    }
}
