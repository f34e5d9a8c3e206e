import Crypto
import Ledger

/// Makes sure that the head's parameters are on disk and whole: a damaged file is removed, named, and computed again
/// from the nearest older one, in the end from version 0.
struct ParameterRecovery {
    let genesis: Genesis
    let chain: Chain
    let database: LedgerDatabase
    let jobs: RoundJobs
    /// Where version 0 is read from, if it comes to that.
    let model: String?
    let workers: Int

    /// The roots of the versions that are here, ascending, the head's last.
    ///
    /// - Parameter damages: gets what was found damaged.
    /// - Throws: `missingParameters` where a contribution lacks that the way from an older version takes.
    func run(damages: inout [StoreError]) throws(StoreError) -> [(height: Height, root: Digest)] {
        let kept = UInt64(max(2, Int(chain.rules.maxStaleness) + 1))
        let head = chain.height.value
        let lowest = head >= kept ? head - kept + 1 : 0
        var present: [(height: Height, root: Digest)] = []
        for value in lowest...head {
            let root = try self.root(at: Height(value))
            if try isSound(root, &damages) { present.append((Height(value), root)) }
        }
        if present.last?.height != chain.height { present = try replay(present, &damages) }
        try jobs.parameters.retain(Set(present.map(\.root)))
        return present
    }

    private func root(at height: Height) throws(StoreError) -> Digest {
        if height == .genesis { return genesis.roots.parameters }
        guard let certified = try database.version(at: height) else {
            throw .inconsistent(
                file: database.path, table: "versions", row: "height \(height)", problem: "is missing")
        }
        return certified.version.roots.parameters
    }

    private func isSound(_ root: Digest, _ damages: inout [StoreError]) throws(StoreError) -> Bool {
        guard jobs.parameters.has(root) else { return false }
        do throws(StoreError) {
            try jobs.parameters.verify(root)
            return true
        } catch {
            damages.append(error)
            jobs.parameters.remove(root)
            return false
        }
    }

    /// From the newest sound version up to the head.
    private func replay(
        _ present: [(height: Height, root: Digest)], _ damages: inout [StoreError]
    ) throws(StoreError) -> [(height: Height, root: Digest)] {
        var present = present
        if present.isEmpty { present = [try start(&damages)] }
        var (height, parent) = present[present.count - 1]
        while height < chain.height {
            height = height.next
            guard let certified = try database.version(at: height) else {
                throw .inconsistent(
                    file: database.path, table: "versions", row: "height \(height)", problem: "is missing")
            }
            let expected = certified.version.roots.parameters
            let outcome = jobs.average(
                certified.version.manifest, parent: parent, rules: chain.rules, name: "replay", workers: workers)
            guard let roots = outcome.value, roots.parameters == expected else {
                throw .missingParameters(
                    height: height.value, root: expected.short,
                    reason: outcome.trouble?.description ?? "replaying gives other parameters")
            }
            present.append((height, expected))
            parent = expected
        }
        return present
    }

    /// Any older version that is whole, or version 0 from the model.
    private func start(_ damages: inout [StoreError]) throws(StoreError) -> (height: Height, root: Digest) {
        var value = chain.height.value
        while value > 0 {
            value -= 1
            let root = try self.root(at: Height(value))
            if try isSound(root, &damages) { return (Height(value), root) }
        }
        guard let model else {
            throw .missingParameters(
                height: 0, root: genesis.roots.parameters.short,
                reason: "are not in the state directory; say in [mesh] model where version 0 lies")
        }
        try jobs.parameters.importModel(model, expecting: genesis.roots.parameters)
        return (.genesis, genesis.roots.parameters)
    }
}
