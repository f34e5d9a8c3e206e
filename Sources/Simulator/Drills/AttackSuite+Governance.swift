import Crypto
import Gossip
import Ledger

/// Attacks by operators' keys and by what nodes say of them: out with a member, other rules, a contribution taken out.
extension AttackSuite {
    func expel() -> Drill.Row {
        govern(
            .expel, "they sign a member's removal",
            change: { cluster, _ in .remove(cluster.checkers.people[members - 1]) },
            isAchieved: { cluster, chain in chain.members[cluster.checkers.people[members - 1]] == nil },
            achieved: "removed", resisted: "still a member everywhere")
    }

    func changeRules() -> Drill.Row {
        govern(
            .changeRules, "they sign rules by which half of the operators decide",
            change: { cluster, _ in
                var rules = cluster.genesis.rules
                rules.operatorThresholdNumerator = 1
                rules.operatorThresholdDenominator = 2
                return .rules(rules)
            },
            isAchieved: { cluster, chain in chain.rules != cluster.genesis.rules },
            achieved: "in force", resisted: "the rules are those of the genesis everywhere")
    }

    func revert() -> Drill.Row {
        govern(
            .takeBack, "they sign a revert of a member's contribution",
            change: { cluster, version in
                let others = Set(everybodyElse.map { cluster.checkers.people[$0] })
                let entry = version.manifest.first { others.contains($0.slot.author) } ?? version.manifest[0]
                return .revert(.contribution(entry.contribution), from: version.height)
            },
            isAchieved: { _, chain in chain.governance.reverts.contains { $0.switched != nil } },
            achieved: "taken out by replay, with the history intact", resisted: "nothing is replayed")
    }

    /// One change, by all that colluders have: their operators' signatures, forged ones of others, an action that
    /// everybody signed for a height long past, their nodes' ready records that call it complete, and their turns as
    /// leaders.
    func govern(
        _ promise: Drill, _ attack: String, guests: Int = 0, change: (Cluster, Version) -> Change,
        isAchieved: (Cluster, Chain) -> Bool, achieved: String, resisted: String
    ) -> Drill.Row {
        var (count, broken, shown, versions) = (0, 0, 0, 0)
        for cluster in make([.falseAvailabilityVotes], guests: guests) {
            play(cluster, milliseconds: 10_000, until: { cluster.checkers.versions.count >= 2 })
            guard let version = cluster.checkers.versions[1], !version.manifest.isEmpty else {
                preconditionFailure("a quiet cluster certifies what its trainers make")
            }
            let start = cluster.checkers.versions.count
            let forger = ActionForger(cluster, colluders: 0..<colluders, change(cluster, version))
            forger.sign()
            if colluders < cluster.genesis.rules.operatorsNeeded(memberCount: members) { forger.forge() }
            func isDone() -> Bool {
                // Of whomever: a node follows certificates alone, and who is expelled may never hear of it.
                cluster.sites.contains { site in
                    site.process.map { isAchieved(cluster, $0.node.chain) } ?? false
                }
            }
            play(
                cluster, milliseconds: 6_000, { forger.act() },
                until: { isDone() || cluster.checkers.versions.count >= start + 8 })
            if isDone() { count += 1 }
            shown += cluster.coalition.plan?.proposed.count ?? 0
            versions += cluster.checkers.versions.count - start
            if isPromised, !violations(cluster).isEmpty { broken += 1 }
        }
        return row(
            promise, "\(attack), \(ActionForger.means)",
            count > 0
                ? "\(achieved) in \(count) of \(clusters) clusters"
                : resisted
                    + (versions > 0 ? "; none of \(versions) versions carries it" : "; meanwhile the chain waits")
                    + ", and none of \(shown) payloads that they proposed with it was certified",
            isKept: count == 0 && broken == 0, isTried: count > 0 || shown > 0)
    }

    /// As nodes: another version at a height that the others have certified, shown to a member that was cut off
    /// meanwhile; and a replayed state that no revert asks for.
    func certifyAnother() -> Drill.Row {
        var (misled, others, switched, broken) = (0, 0, 0, 0)
        var (shown, switches) = (0, 0)
        for cluster in make([.falseAvailabilityVotes]) {
            let lagging = cluster.sites[cluster.bodies[members - 1][0]]
            cluster.coalition.plan = CollusionPlan(shunned: [cluster.checkers.people[members - 2]])
            cluster.filter = { from, to, bytes in
                guard from == lagging.member || to == lagging.member else { return true }
                if to < colluders { return true }
                guard from < colluders else { return false }
                let scan = RecordScan(bytes: bytes)
                let isSilent =
                    scan.payloads.isEmpty && scan.certificates.isEmpty && scan.ready.isEmpty && scan.proposals.isEmpty
                return isSilent || cluster.coalition.plan?.isSpeaking ?? true
            }
            let other = Conflict(cluster, colluders: 0..<colluders)
            func isMisled() -> Bool {
                lagging.disk.adopted.first.map {
                    $0.version.versionDigest != cluster.checkers.versions[1]?.versionDigest
                }
                    ?? false
            }
            play(cluster, milliseconds: 8_000, { other.show(to: lagging) }, until: isMisled)
            if isMisled() { misled += 1 }
            others += honest(cluster).count { site in
                site !== lagging
                    && site.disk.adopted.first?.version.versionDigest != cluster.checkers.versions[1]?.versionDigest
            }
            if other.isShown { shown += 1 }
            if !isMisled() {
                if switchesToReplay(cluster) { switched += 1 }
                switches += cluster.coalition.plan?.proposed.count ?? 0
            }
            if isPromised, !violations(cluster).isEmpty { broken += 1 }
        }
        return row(
            .takeBack,
            "they show a member that was cut off another version at a height that the others have certified, with forged "
                + "signatures where theirs are too few; then they switch to a replayed state that no revert asks for",
            misled + others + switched > 0
                ? "who was cut off takes the other version in \(misled) of \(clusters) clusters, and \(others) of those who "
                    + "had the first"
                : "nobody takes the other version, which they showed in \(shown) of \(clusters) clusters, nor one of the "
                    + "\(switches) replayed states that they proposed",
            isKept: misled + others + switched == 0 && broken == 0, isTried: shown > 0 && (misled > 0 || switches > 0))
    }

    /// Whether an honest member takes over the state without what version 1 lists.
    private func switchesToReplay(_ cluster: Cluster) -> Bool {
        let claimed = cluster.work.roots(parent: cluster.genesis.roots, manifest: [])
        cluster.bind(0..<colluders, to: CollusionPlan(replayed: claimed))
        func isDone() -> Bool {
            honest(cluster).contains { $0.disk.adopted.contains { $0.version.roots == claimed } }
        }
        // Until they have led, which takes some heights where they are few.
        play(
            cluster, milliseconds: 6_000, { cluster.pursue(0..<colluders) },
            until: { isDone() || (cluster.coalition.plan?.proposed.count ?? 0) >= 2 })
        if !isDone() { play(cluster, milliseconds: 1_000, { cluster.pursue(0..<colluders) }, until: isDone) }
        return isDone()
    }
}
