extension ClusterOptions {
    /// A cluster in which nothing fails: for the cost of a large mesh, not for its promises under faults.
    ///
    /// - Parameters:
    ///   - contributors: how many of the members train; the first by id.
    ///   - down: how many of the members never start, at most f; the last by id.
    public static func calm(nodes: Int, contributors: Int, down: Int = 0, seed: UInt64) -> ClusterOptions {
        precondition((1...nodes - down).contains(contributors), "at least one living member trains")
        precondition((0...(nodes - 1) / 3).contains(down), "at most f members are down")
        var options = ClusterOptions(nodes: nodes, seed: seed)
        var faults = FaultProfile(members: nodes)
        faults.absentTrainers = (0..<nodes).map { $0 >= contributors }
        faults.piecesMaximum = 1
        faults.deadAfterHealing = (0..<nodes).map { $0 >= nodes - down }
        options.faults = faults
        return options
    }
}

extension Cluster {
    /// Runs without faults until every living member has adopted so many versions, or none does for the time that a
    /// healed mesh has for two.
    public func run(versions: UInt64) -> Outcome {
        for site in sites where faults.deadAfterHealing[site.member] { site.isDead = true }
        var limit = now + 1_000 * options.healingLimitMilliseconds
        var adopted: UInt64 = 0
        while let least = sites.filter({ !$0.isDead }).map(\.disk.height.value).min(), least < versions {
            if least > adopted {
                adopted = least
                limit = now + 1_000 * options.healingLimitMilliseconds
            }
            guard now < limit else {
                checkers.report(.noProgress, noProgressReport())
                break
            }
            // A whole mesh is looked at now and then.
            for _ in 0..<1_000 where !advance() { return outcome() }
        }
        return outcome()
    }
}
