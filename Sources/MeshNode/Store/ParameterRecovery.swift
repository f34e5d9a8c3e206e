import Crypto
import Ledger
import System

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
    /// - Parameter wanted: roots whose parameters may be fetched next, if a header sync was running.
    /// - Returns: the head's is not among them where it cannot be had on this machine: it must come from peers.
    /// - Throws: `missingParameters` where the model that was named is not version 0.
    func run(
        wanted: Set<Digest>, damages: inout [StoreError]
    ) throws(StoreError) -> [(height: Height, root: Digest)] {
        let head = chain.height
        var present: [(height: Height, root: Digest)] = []
        for height in keptHeights {
            let root = try self.root(at: height)
            let isNew = head.value - height.value < chain.rules.newestBases
            // Old ones are many: reading them is left to the scrubber.
            if isNew ? isSound(root, &damages) : jobs.parameters.has(root) { present.append((height, root)) }
        }
        if present.last?.height != head {
            do throws(StoreError) {
                present = try replay(present, &damages)
            } catch {
                guard case .missingParameters = error, model == nil || head > .genesis else { throw error }
                if head > .genesis { damages.append(error) }
                present.removeAll { $0.height >= head }
            }
        }
        let isWhole = present.last?.height == head
        try stored(
            jobs.parameters.retain(
                Set(present.map(\.root)).union(wanted), keepsPartial: !wanted.isEmpty || !isWhole))
        return present
    }

    /// Versions whose parameters the rules keep, ascending.
    private var keptHeights: [Height] {
        let (rules, head) = (chain.rules, chain.height)
        let newest = head.value - min(head.value, rules.newestBases - 1)
        var heights = Set(newest...head.value)
        for interval in [rules.pinInterval, rules.baseInterval] {
            var value = head.value / interval * interval
            while rules.keepsBase(Height(value), head: head) {
                heights.insert(value)
                guard value >= interval else { break }
                value -= interval
            }
        }
        // What reverts reach back to.
        heights.formUnion((chain.oldestBase.value...head.value).filter { chain.keepsBase(Height($0)) })
        return heights.sorted().map { Height($0) }
    }

    private func root(at height: Height) throws(StoreError) -> Digest {
        if height == .genesis { return genesis.roots.name }
        guard let certified = try database.version(at: height) else {
            throw .inconsistent(
                file: database.path, table: "versions", row: "height \(height)", problem: "is missing")
        }
        return certified.version.roots.name
    }

    private func isSound(_ root: Digest, _ damages: inout [StoreError]) -> Bool {
        guard jobs.parameters.has(root) else { return false }
        do throws(FileError) {
            try jobs.parameters.verify(root)
            return true
        } catch {
            damages.append(.file(error))
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
            let expected = certified.version.roots.name
            let outcome = jobs.average(
                certified.version.manifest, parent: parent, rules: chain.rules(at: height),
                members: chain.memberCount(at: height), name: "replay", workers: workers)
            guard case .done(let average) = outcome.value, average.roots.name == expected else {
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
            if isSound(root, &damages) { return (Height(value), root) }
        }
        guard let model else {
            throw .missingParameters(
                height: 0, root: genesis.roots.parameters.short,
                reason: "are not in the state directory, and no [mesh] model is named: peers are asked for them")
        }
        try jobs.parameters.importModel(model, expecting: genesis.roots)
        return (.genesis, genesis.roots.name)
    }
}
