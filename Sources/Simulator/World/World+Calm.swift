extension WorldOptions {
    /// A world in which nothing fails: for the cost of a large mesh, not for its promises under faults.
    ///
    /// - Parameter contributors: how many of the members train; the first by id.
    public static func calm(nodes: Int, contributors: Int, seed: UInt64) -> WorldOptions {
        precondition((1...nodes).contains(contributors), "somebody trains")
        var options = WorldOptions(nodes: nodes, seed: seed)
        var faults = FaultProfile(members: nodes)
        faults.absentTrainers = (0..<nodes).map { $0 >= contributors }
        faults.piecesMaximum = 1
        options.faults = faults
        return options
    }
}

extension World {
    /// Runs without faults until every member has adopted so many versions, or none does for the time that a healed
    /// mesh has for two.
    public func run(versions: UInt64) -> Outcome {
        var limit = now + 1_000 * options.healingLimitMilliseconds
        var adopted: UInt64 = 0
        while let least = sites.map(\.disk.height.value).min(), least < versions {
            if least > adopted {
                adopted = least
                limit = now + 1_000 * options.healingLimitMilliseconds
            }
            guard now < limit else {
                oracles.report(.noProgress, standstillReport())
                break
            }
            // A whole mesh is looked at now and then.
            for _ in 0..<1_000 where !advance() { return outcome() }
        }
        return outcome()
    }
}
