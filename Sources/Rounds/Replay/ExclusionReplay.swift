import Crypto
import Ledger
import System
import Tensor

/// History made anew without what the members excluded, version by version: what every node computes in the background
/// after a revert was decided, and what an auditor computes when the result takes over.
///
/// It begins at parameters of a version before `Governance.replayFrom`, and not before `Governance.replayFloor`. Every
/// version is averaged by the rules and for the members of its height over the entries that are left, each with the weight
/// that it was listed with. A version of which nothing is left changes nothing. The same bits for any
/// number of workers on any machine.
public struct ExclusionReplay: Sendable {
    /// Its head is the last version that is made anew; its governance says what is left out.
    public let chain: Chain
    public let layout: ParameterLayout
    /// The last version that is in `parameters`.
    public private(set) var height: Height
    public private(set) var parameters: ParameterFile

    /// - Parameters:
    ///   - chain: with a revert that is pending.
    ///   - height: of a version from which a replay may begin, or to which an earlier one came with the same exclusions.
    ///   - parameters: of that version, or what the earlier one gave there.
    public init(chain: Chain, from height: Height, parameters: ParameterFile, layout: ParameterLayout) {
        precondition(parameters.shape == StateShape(layout, chain.rules.innerOptimizer))
        self.chain = chain
        self.layout = layout
        self.height = height
        self.parameters = parameters
    }

    public var isFinished: Bool { height >= chain.height }

    /// The roots that a switch on the chain's head names, once the replay is finished.
    public var roots: StateRoots { StateRoots(parameters) }

    /// Whether the next version changes the parameters, and so writes a file.
    public func changesParameters(_ certified: CertifiedVersion) -> Bool { !entries(of: certified).isEmpty }

    /// Makes the next version anew.
    ///
    /// - Parameters:
    ///   - certified: of the chain, one above `height`. The caller vouches for it and for its payloads.
    ///   - outputPath: takes the parameters where they change. The file before it is the caller's to remove.
    ///   - workers: threads, at least one.
    /// - Throws: `missingPayload`, `manifest`; on a fault nothing of this value has changed.
    public mutating func apply(
        _ certified: CertifiedVersion, payloads: some PayloadSource, outputPath: String, workers: Int
    ) throws(ReplayFault) {
        precondition(certified.height == height.next && !isFinished)
        let entries = entries(of: certified)
        if !entries.isEmpty {
            parameters = try ExclusionReplay.average(
                entries, at: certified.height, payloads: payloads, parent: parameters, layout: layout,
                rules: chain.rules(at: certified.height), members: chain.memberCount(at: certified.height),
                outputPath: outputPath, workers: workers)
        }
        height = certified.height
    }

    /// Versions before the first that is made anew only lead there.
    private func entries(of certified: CertifiedVersion) -> [ManifestEntry] {
        guard let first = chain.governance.replayFrom, certified.height >= first else {
            return certified.version.manifest
        }
        return chain.entriesToReplay(of: certified)
    }

    static func average(
        _ entries: [ManifestEntry], at height: Height, payloads: some PayloadSource, parent: ParameterFile,
        layout: ParameterLayout, rules: Rules, members: Int, outputPath: String, workers: Int
    ) throws(ReplayFault) -> ParameterFile {
        let roots: StateRoots
        do throws(ManifestFault) {
            roots = try ManifestAverage.average(
                entries, payloads: payloads, parent: parent, layout: layout, rules: rules, members: members,
                outputPath: outputPath, workers: workers
            ).roots
        } catch {
            if case .missingPayload(let digest) = error,
                let entry = entries.first(where: { $0.contribution == digest })
            {
                throw .missingPayload(height, entry.slot)
            }
            throw .manifest(height, error)
        }
        do throws(FileError) {
            return try ParameterFile(
                path: outputPath, shape: parent.shape, expectedName: roots.name)
        } catch {
            throw .manifest(height, .file(error))
        }
    }
}
