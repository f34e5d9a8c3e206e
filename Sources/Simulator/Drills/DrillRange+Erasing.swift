import Gossip
import Ledger

/// Attacks on what a member's contribution does to the model: colluders read it and answer it.
extension DrillRange {
    /// They read a contribution and submit its negative, a copy, a near copy, or a negative one version later, each in the slots
    /// of all of them, with every statement that they can sign.
    func erase() -> Drill.Row {
        var (tried, listed, broken): (Set<Int>, Int, Int) = ([], 0, 0)
        let worlds = make([.namesLate, .falseAcks, .asksEarly]) { _, faults in
            for colluder in 0..<colluders { faults.absentTrainers[colluder] = true }
        }
        for world in worlds {
            var answers: [ContributionDigest: Int] = [:]
            play(
                world, milliseconds: 20_000,
                {
                    for answer in world.coalition.answers.values {
                        for contribution in answer.contributions { answers[contribution] = answer.kind }
                    }
                }, until: { world.oracles.versions.count >= 12 })
            tried.formUnion(answers.values)
            for version in world.oracles.versions.values {
                listed += version.manifest.count { answers[$0.contribution] != nil }
            }
            if isPromised, !violations(world).isEmpty { broken += 1 }
        }
        return row(
            .erase,
            "they answer a contribution that they read with its negative, a copy, a near copy and a late negative",
            listed == 0
                ? "none of the answers is listed: what is read is read too late to answer"
                : "\(listed) answers are listed",
            isKept: listed == 0 && broken == 0, isTried: tried.count == World.Answer.allCases.count || !isPromised)
    }
}
