import Crypto
import Glibc
import Ledger
import Rounds
import System
import Tensor

/// The version that a fork begins with.
struct ForkPoint {
    let chain: Chain
    let parameters: ParameterFile
    /// The state of the shared optimizer; nil in a mesh without one, or if it is not taken along.
    let optimizer: (any ParameterSource)?
}

/// Where a fork's chain, parameters and optimizer state come from; whatever the way, every record is verified from the genesis on
/// and the values are held against the certified roots.
struct ForkSource {
    let layout: ParameterLayout
    private let founding: Genesis
    private let height: Height?
    private let keepsOptimizer: (Chain) throws -> Bool
    private let scratch: String

    /// - Parameters:
    ///   - height: nil for the newest.
    ///   - keepsOptimizer: whether the state of a shared optimizer is taken along, if the chain has one.
    ///   - scratch: a directory for what is fetched; `removeScratch` takes it away again.
    init(_ founding: Genesis, _ height: Height?, keepsOptimizer: @escaping (Chain) throws -> Bool, scratch: String)
        throws
    {
        self.founding = founding
        self.height = height
        self.keepsOptimizer = keepsOptimizer
        self.scratch = scratch
        do throws(LayoutError) { layout = try ParameterLayout(founding) } catch {
            throw Failure("the genesis' tensors make no parameter vector: \(error)")
        }
    }

    private var ledgerPath: String { scratch + "/.ledger" }
    private var parametersPath: String { scratch + "/.parameters" }
    private var optimizerPath: String { scratch + "/.optimizer" }

    func removeScratch() {
        for path in [ledgerPath, parametersPath, optimizerPath] { unlink(path) }
    }

    /// From the daemon. It keeps the parameters of its newest versions and of some older ones.
    func ask(_ connection: DaemonConnection) throws -> ForkPoint {
        try connection.check(founding)
        let export = try connection.download(ledgerThrough: height.map { Int64($0.value) }, to: ledgerPath)
        // What the daemon sends is held against what was asked for, not against its own word.
        let chain = try chain(in: ledgerPath, through: height ?? Height(UInt64(max(0, export.height))))
        let height = Int64(chain.height.value)
        let (_, parameters) = try connection.download(.parameters, of: height, layout, to: parametersPath)
        let optimizer =
            try takesState(chain)
            ? connection.download(.optimizer, of: height, layout, to: optimizerPath).1 : nil
        return try checked(ForkPoint(chain: chain, parameters: parameters, optimizer: optimizer))
    }

    /// From files alone.
    func read(ledger: String, parameters: String?, model: String?) throws -> ForkPoint {
        if let model {
            let folder = try RecomputeFolder(nil, founding, model: model)
            var audit = try LedgerAudit(genesis: founding, ledger: ledger, expect: nil)
            let replay = try audit.replay(through: height, in: folder, workers: 2)
            if let height, replay.chain.height < height {
                throw Failure("\(ledger) ends at version \(replay.chain.height)")
            }
            // The folder goes with this function.
            return ForkPoint(
                chain: replay.chain, parameters: try copy(replay.parameters, to: parametersPath),
                optimizer: try takesState(replay.chain)
                    ? replay.parameters.outer.map { try copy($0, to: optimizerPath) } : nil)
        }
        guard let parameters else { preconditionFailure("one of the two was asked for") }
        let chain = try chain(in: ledger, through: height)
        let takesState = try takesState(chain)
        let version: FoundingModel
        do throws(SafetensorsError) {
            version = try FoundingModel(
                parameters, layout: layout, roots: chain.head.roots,
                shape: takesState
                    ? StateShape(layout, chain.rules.innerOptimizer)
                    : StateShape(parameterCount: layout.parameterCount))
        } catch {
            throw Failure(
                "the model in \(parameters) cannot be used: \(error)",
                advice: takesState
                    ? "meshctl export writes the optimizer's state too; --reset-optimizer goes without it." : nil)
        }
        return try checked(
            ForkPoint(
                chain: chain, parameters: try copy(version.parameters, to: parametersPath), optimizer: version.outer))
    }

    private func takesState(_ chain: Chain) throws -> Bool {
        try chain.rules.innerOptimizer.isShared && keepsOptimizer(chain)
    }

    private func chain(in ledger: String, through height: Height?) throws -> Chain {
        var audit = try LedgerAudit(genesis: founding, ledger: ledger, expect: nil)
        return try audit.chain(through: height)
    }

    private func copy(_ source: some ParameterSource, to path: String) throws -> ParameterFile {
        do throws(FileError) {
            let tree = try ParameterFile.write(source, to: path)
            return try ParameterFile(path: path, parameterCount: source.parameterCount, expectedRoot: tree.name)
        } catch {
            throw Failure("\(error)")
        }
    }

    private func checked(_ point: ForkPoint) throws -> ForkPoint {
        let (chain, roots) = (point.chain, point.chain.head.roots)
        guard point.parameters.root == roots.parameters else {
            throw Failure(
                "these parameters are not those of version \(chain.height): their root is \(point.parameters.root.short), "
                    + "the version certifies \(roots.parameters.short)")
        }
        guard let optimizer = point.optimizer else { return point }
        let root: Digest
        do throws(FileError) { root = try ParameterFile.tree(of: optimizer).root } catch {
            throw Failure("\(error)")
        }
        guard root == roots.outer else {
            throw Failure(
                "this is not the optimizer's state of version \(chain.height): its root is \(root.short), "
                    + "the version certifies \(roots.outer.short)")
        }
        return point
    }
}
