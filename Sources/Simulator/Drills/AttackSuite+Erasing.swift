import Gossip
import Ledger
import Link

/// Attacks on what a member's contribution does to the model: colluders read it and answer it.
extension AttackSuite {
    /// They read a contribution and submit its negative, a copy, a near copy, or a negative one version later, each in
    /// the slots of all of them, with every statement that they can sign.
    func erase() -> Drill.Row {
        var (tried, listed, held, broken): (Set<Int>, Int, Int, Int) = ([], 0, 0, 0)
        let clusters = make([.namesLate, .falseAvailabilityVotes, .asksEarly, .servesEarly]) { _, faults in
            for colluder in 0..<colluders { faults.absentTrainers[colluder] = true }
        }
        for cluster in clusters {
            var answers: [ContributionDigest: Int] = [:]
            var end: Int?
            var available: Set<ContributionDigest> = []
            play(
                cluster, milliseconds: 20_000,
                {
                    for site in cluster.sites where !site.isHonest {
                        if let process = site.process { cluster.nameLate(site, process.node.chain) }
                    }
                    for answer in cluster.coalition.answers.values {
                        for contribution in answer.contributions { answers[contribution] = answer.kind }
                    }
                    for site in honest(cluster) {
                        let candidates =
                            site.process?.node.report(now: Link.Instant(milliseconds: 0)).candidates ?? []
                        for candidate in candidates where candidate.isAvailable && answers[candidate.digest] != nil {
                            available.insert(candidate.digest)
                        }
                    }
                    // After the last kind of answer there are as many versions as could still list it.
                    if end == nil, Set(answers.values).count == Cluster.Answer.allCases.count {
                        end = cluster.checkers.versions.count + Int(cluster.genesis.rules.maxStaleness) + 2
                    }
                }, until: { end.map { cluster.checkers.versions.count >= $0 } ?? false })
            tried.formUnion(answers.values)
            held += available.count
            for version in cluster.checkers.versions.values {
                listed += version.manifest.count { answers[$0.contribution] != nil }
            }
            if isPromised, !violations(cluster).isEmpty { broken += 1 }
        }
        return row(
            .erase,
            "they answer a contribution that they read with its negative, a copy, a near copy and a late negative",
            listed == 0 && held == 0
                ? "no answer is committed: what is read is read too late to answer"
                : "honest members take \(held) answers for committed, versions list \(listed)",
            isKept: listed == 0 && held == 0 && broken == 0,
            isTried: tried.count == Cluster.Answer.allCases.count || !isPromised)
    }
}
