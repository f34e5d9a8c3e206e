import Crypto
import Ledger
import Tensor

/// Why a chain could not be replayed. Names the height, and the slot where it is one.
public enum ReplayFault: Error, Equatable, Sendable {
    case layout(LayoutError)
    /// The parameters to start from are not those that the chain's head names.
    case wrongStart(expected: Digest, found: Digest)
    case wrongParameterCount(expected: Int, found: Int)
    case audit(AuditFault)
    /// A contribution that was listed is not valid.
    case contribution(Height, Slot, ContributionFault)
    case missingPayload(Height, Slot)
    case manifest(Height, ManifestFault)
    /// A quorum certified other parameters than the ones that the contributions give.
    case wrongRoot(Height, expected: Digest, computed: Digest)
}

/// Recomputes a chain from its contributions: every certificate, every inclusion, every parameters root. What `meshctl
/// verify --recompute` and a revert do; the daemon's catch-up takes the same steps one by one.
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
        guard parameters.parameterCount == layout.parameterCount else {
            throw .wrongParameterCount(expected: layout.parameterCount, found: parameters.parameterCount)
        }
        guard parameters.root == chain.head.roots.parameters else {
            throw .wrongStart(expected: chain.head.roots.parameters, found: parameters.root)
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
    ///   - workers: threads, at least one.
    /// - Throws: on a fault, nothing of this value has changed.
    public mutating func apply(
        _ certified: CertifiedVersion, payloads: some PayloadSource, outputPath: String, workers: Int,
        verifier: Verifier
    ) throws(ReplayFault) {
        let version = certified.version
        let next: Chain
        do throws(AuditFault) {
            next = try chain.audited(certified, verifier: verifier)
        } catch {
            throw .audit(error)
        }
        for (entry, contribution) in zip(version.manifest, certified.contributions) {
            guard let payload = payloads.payload(of: entry.contribution) else {
                throw .missingPayload(version.height, entry.slot)
            }
            do throws(ContributionFault) {
                try ContributionValidation.validate(
                    contribution.body, payload: payload, layout: layout, rules: chain.rules)
            } catch {
                throw .contribution(version.height, entry.slot, error)
            }
        }
        let computed: StateRoots
        let parameters: ParameterFile
        do throws(ManifestFault) {
            computed = try ManifestAverage.average(
                version.manifest, payloads: payloads, parent: self.parameters, layout: layout, rules: chain.rules,
                outputPath: outputPath, workers: workers)
        } catch {
            throw .manifest(version.height, error)
        }
        guard computed == version.roots else {
            throw .wrongRoot(version.height, expected: version.roots.parameters, computed: computed.parameters)
        }
        do throws(ParameterFileError) {
            parameters = try ParameterFile(
                path: outputPath, parameterCount: layout.parameterCount, expectedRoot: computed.parameters)
        } catch {
            throw .manifest(version.height, .file(error))
        }
        self.parameters = parameters
        chain = next
    }
}
