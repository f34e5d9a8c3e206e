import Crypto
import Ledger
import Tensor

/// Why a chain could not be replayed. Names the height, and the slot where it is one.
public enum ReplayFault: Error, Equatable, Sendable {
    case layout(LayoutError)
    /// The parameters to start from are not those that the chain's head names.
    case wrongStart(expected: StateRoots, found: StateRoots)
    case wrongParameterCount(expected: Int, found: Int)
    case audit(AuditFault)
    /// A contribution that was listed is not valid.
    case contribution(Height, Slot, ContributionFault)
    case missingPayload(Height, Slot)
    case manifest(Height, ManifestFault)
    /// A quorum certified other parameters than the ones that the contributions give.
    case wrongRoot(Height, expected: StateRoots, computed: StateRoots)
    /// A replayed state takes over, and the parameters that its replay begins with were not kept.
    case missingParameters(Height)
    /// A replayed state takes over, and a version that it makes anew was not kept.
    case missingVersion(Height)
}

/// Recomputes a chain from its contributions: every certificate, every inclusion, every parameters root, and every replay
/// that took over. What `meshctl verify --recompute` does; the daemon's catch-up takes the same steps one by one.
public struct Replay: Sendable {
    /// After the last version that was applied.
    public private(set) var chain: Chain
    /// The parameters of the chain's head.
    public private(set) var parameters: ParameterFile
    public let layout: ParameterLayout

    /// From version 0 on.
    ///
    /// - Parameter parameters: of version 0.
    /// - Throws: `layout`, `wrongParameterCount`, `wrongStart`.
    public init(genesis: Genesis, parameters: ParameterFile) throws(ReplayFault) {
        let layout: ParameterLayout
        do throws(LayoutError) { layout = try ParameterLayout(genesis) } catch { throw .layout(error) }
        try self.init(chain: Chain(genesis: genesis), layout: layout, parameters: parameters)
    }

    /// From a version on that was checked before.
    ///
    /// - Parameter parameters: of the chain's head.
    public init(chain: Chain, layout: ParameterLayout, parameters: ParameterFile) throws(ReplayFault) {
        let shape = StateShape(layout, chain.rules.innerOptimizer)
        guard parameters.shape == shape else {
            throw .wrongParameterCount(expected: shape.parameterCount, found: parameters.parameterCount)
        }
        guard parameters.name == chain.head.roots.name else {
            throw .wrongStart(expected: chain.head.roots, found: StateRoots(parameters))
        }
        self.chain = chain
        self.layout = layout
        self.parameters = parameters
    }

    /// Checks the next version in full and makes it the head.
    ///
    /// - Parameters:
    ///   - payloads: of the contributions that the version lists.
    ///   - outputPath: takes the version's parameters. The file before it is the caller's to remove.
    ///   - history: for a version in which a replayed state takes over: what it was made from (`ReplayNeeds` says what
    ///     that takes). Files beside the output (`scratchPaths`) are the caller's to remove.
    ///   - workers: threads, at least one.
    /// - Throws: on a fault, nothing of this value has changed.
    public mutating func apply(
        _ certified: CertifiedVersion, payloads: some PayloadSource, history: some ReplayHistory = NoHistory(),
        outputPath: String, workers: Int, verifier: Verifier
    ) throws(ReplayFault) {
        let version = certified.version
        let next: Chain
        do throws(AuditFault) {
            next = try chain.audited(certified, verifier: verifier)
        } catch {
            throw .audit(error)
        }
        for (entry, contribution) in zip(version.manifest, certified.contributions) {
            guard let rules = chain.rules(for: contribution.body) else {
                throw .audit(.contributionOutsideRules(version.height, entry.slot))
            }
            guard let payload = payloads.payload(of: entry.contribution) else {
                throw .missingPayload(version.height, entry.slot)
            }
            do throws(ContributionFault) {
                try ContributionValidation.validate(
                    contribution.body, payload: payload, layout: layout, rules: rules)
            } catch {
                throw .contribution(version.height, entry.slot, error)
            }
        }
        let parameters =
            chain.isSwitch(certified.embedded)
            ? try replayed(history, outputPath: outputPath, workers: workers)
            : try ExclusionReplay.average(
                version.manifest, at: version.height, payloads: payloads, parent: self.parameters, layout: layout,
                rules: chain.rules, members: chain.members.count, outputPath: outputPath, workers: workers)
        guard StateRoots(parameters) == version.roots else {
            throw .wrongRoot(version.height, expected: version.roots, computed: StateRoots(parameters))
        }
        self.parameters = parameters
        chain = next
    }

    /// Names that `apply` may give to files on the way to a switch.
    public static func scratchPaths(of outputPath: String) -> [String] { [outputPath + ".even", outputPath + ".odd"] }

    /// The history through the head without what is excluded.
    private func replayed(
        _ history: some ReplayHistory, outputPath: String, workers: Int
    ) throws(ReplayFault) -> ParameterFile {
        guard let first = chain.governance.replayFrom else { preconditionFailure("a switch follows from a revert") }
        let start = Height(first.value - 1)
        guard let base = history.parameters(at: start) else { throw .missingParameters(start) }
        var replay = ExclusionReplay(chain: chain, from: start, parameters: base, layout: layout)
        let scratch = Replay.scratchPaths(of: outputPath)
        while !replay.isFinished {
            let height = replay.height.next
            guard let (certified, payloads) = history.version(at: height) else { throw .missingVersion(height) }
            try replay.apply(
                certified, payloads: AnyPayloads(source: payloads), outputPath: scratch[Int(height.value % 2)],
                workers: workers)
        }
        // Nothing is averaged any more: a copy under the name that the caller asked for.
        return try ExclusionReplay.average(
            [], at: chain.nextHeight, payloads: MemoryPayloads(), parent: replay.parameters, layout: layout,
            rules: chain.rules, members: chain.members.count, outputPath: outputPath, workers: workers)
    }

    private struct AnyPayloads: PayloadSource {
        let source: any PayloadSource
        func payload(of contribution: ContributionDigest) -> (any PayloadReader)? { source.payload(of: contribution) }
    }
}
