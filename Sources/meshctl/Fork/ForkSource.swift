import Glibc
import Ledger
import Rounds
import Tensor

/// Where a fork's chain and parameters come from; whatever the way, every record is verified from the genesis on and the
/// parameters are held against the certified root.
struct ForkSource {
    let layout: ParameterLayout
    private let founding: Genesis
    private let height: Height?
    private let scratch: String

    /// - Parameters:
    ///   - height: nil for the newest.
    ///   - scratch: a directory for what is fetched; `removeScratch` takes it away again.
    init(_ founding: Genesis, _ height: Height?, scratch: String) throws {
        self.founding = founding
        self.height = height
        self.scratch = scratch
        do throws(LayoutError) { layout = try ParameterLayout(founding) } catch {
            throw Failure("the genesis' tensors make no parameter vector: \(error)")
        }
    }

    private var ledgerPath: String { scratch + "/.ledger" }
    private var parametersPath: String { scratch + "/.parameters" }

    func removeScratch() {
        unlink(ledgerPath)
        unlink(parametersPath)
    }

    /// From the daemon. It keeps the parameters of its newest versions and of some older ones.
    func ask(_ connection: DaemonConnection) throws -> (Chain, ParameterFile) {
        try connection.check(founding)
        let export = try connection.download(ledgerThrough: height.map { Int64($0.value) }, to: ledgerPath)
        // What the daemon sends is held against what was asked for, not against its own word.
        let chain = try chain(in: ledgerPath, through: height ?? Height(UInt64(max(0, export.height))))
        let (_, parameters) = try connection.download(
            .parameters, of: Int64(chain.height.value), layout, to: parametersPath)
        try check(parameters, chain)
        return (chain, parameters)
    }

    /// From files alone.
    func read(ledger: String, parameters: String?, model: String?) throws -> (Chain, ParameterFile) {
        if let model {
            let folder = try RecomputeFolder(nil, founding, model: model)
            var audit = try LedgerAudit(genesis: founding, ledger: ledger, expect: nil)
            let replay = try audit.replay(through: height, in: folder, workers: 2)
            if let height, replay.chain.height < height {
                throw Failure("\(ledger) ends at version \(replay.chain.height)")
            }
            // The folder goes with this function.
            return (replay.chain, try copy(replay.parameters))
        }
        guard let parameters else { preconditionFailure("one of the two was asked for") }
        let chain = try chain(in: ledger, through: height)
        let values = try copy(try ModelFolder(parameters, layout: layout).parameters)
        try check(values, chain)
        return (chain, values)
    }

    private func chain(in ledger: String, through height: Height?) throws -> Chain {
        var audit = try LedgerAudit(genesis: founding, ledger: ledger, expect: nil)
        return try audit.chain(through: height)
    }

    private func copy(_ source: some ParameterSource) throws -> ParameterFile {
        do throws(ParameterFileError) {
            let tree = try ParameterFile.write(source, to: parametersPath)
            return try ParameterFile(
                path: parametersPath, parameterCount: layout.parameterCount, expectedRoot: tree.name)
        } catch {
            throw Failure("\(error)")
        }
    }

    private func check(_ parameters: ParameterFile, _ chain: Chain) throws {
        guard parameters.root == chain.head.roots.parameters else {
            throw Failure(
                "these parameters are not those of version \(chain.height): their root is \(parameters.root.short), "
                    + "the version certifies \(chain.head.roots.parameters.short)")
        }
    }
}
