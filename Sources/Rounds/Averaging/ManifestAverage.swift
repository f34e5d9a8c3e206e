import Crypto
import Ledger
import Tensor

/// Why a manifest could not be averaged. None of these says anything about its contributions, which were validated:
/// they mean that something lacks or that this machine's storage failed, apart from `nonFinite`.
public enum ManifestFault: Error, Hashable, Sendable {
    case missingPayload(ContributionDigest)
    /// A payload does not decode although it was valid once.
    case contribution(ContributionDigest, CodecError)
    case file(ParameterFileError)
    /// The outer step left the range of float32 in this block.
    case nonFinite(block: Int)
}

/// The averaging of a version's manifest on top of its parent's parameters: a pure function of both and of the rules,
/// with the same bits for any number of workers on any machine.
public enum ManifestAverage {
    /// Writes the parameters of the next version to a new parameter file. Returns the roots that its record names, and how
    /// the contributions went into it.
    ///
    /// - Parameters:
    ///   - manifest: in its order; an empty one gives the parent's parameters again, bit for bit.
    ///   - parent: the parameters of the parent version.
    ///   - rules: in force at the version's height.
    ///   - members: how many decide that height.
    ///   - outputPath: appears whole and synced, or not at all.
    ///   - workers: threads, at least one.
    public static func average(
        _ manifest: [ManifestEntry], payloads: some PayloadSource, parent: any ParameterSource,
        layout: ParameterLayout, rules: Rules, members: Int, outputPath: String, workers: Int
    ) throws(ManifestFault) -> (roots: StateRoots, figures: AveragingFigures) {
        let entries = try self.entries(manifest, payloads: payloads, layout: layout, rules: rules)
        let writer: ParameterFileWriter
        let result: AveragedState
        do throws(ParameterFileError) {
            writer = try ParameterFileWriter(path: outputPath, parameterCount: layout.parameterCount)
        } catch {
            throw .file(error)
        }
        do throws(AveragingError) {
            result = try Averager.average(
                layout: layout, entries: entries, rule: Tensor.AveragingRule(rules, members: members), base: parent,
                output: writer, workers: workers)
        } catch {
            throw fault(error, manifest)
        }
        do throws(ParameterFileError) {
            let written = try writer.finish()
            precondition(result.tree.root == written.root, "the file has the blocks that were averaged")
        } catch {
            throw .file(error)
        }
        return (StateRoots(parameters: result.tree.root), result.figures)
    }

    /// The same in memory: for small models, the simulator and tests.
    public static func average(
        _ manifest: [ManifestEntry], payloads: some PayloadSource, parent: [Float], layout: ParameterLayout,
        rules: Rules, members: Int, workers: Int = 1
    ) throws(ManifestFault) -> (parameters: [Float], roots: StateRoots, figures: AveragingFigures) {
        let entries = try self.entries(manifest, payloads: payloads, layout: layout, rules: rules)
        let sink = MemoryBlockSink()
        do throws(AveragingError) {
            let result = try Averager.average(
                layout: layout, entries: entries, rule: Tensor.AveragingRule(rules, members: members),
                base: ParameterArray(parent), output: sink, workers: workers)
            return (sink.values, StateRoots(parameters: result.tree.root), result.figures)
        } catch {
            throw fault(error, manifest)
        }
    }

    private static func entries(
        _ manifest: [ManifestEntry], payloads: some PayloadSource, layout: ParameterLayout, rules: Rules
    ) throws(ManifestFault) -> [AveragingEntry] {
        var entries: [AveragingEntry] = []
        for entry in manifest {
            guard let payload = payloads.payload(of: entry.contribution) else {
                throw .missingPayload(entry.contribution)
            }
            do throws(CodecError) {
                let contribution = try Tensor.Contribution(
                    payload: payload, layout: layout, profile: CodecProfile(rules.encoding))
                entries.append(AveragingEntry(contribution: contribution, weightQ30: entry.weightQ30))
            } catch {
                throw .contribution(entry.contribution, error)
            }
        }
        return entries
    }

    private static func fault(_ error: AveragingError, _ manifest: [ManifestEntry]) -> ManifestFault {
        switch error {
        case .contribution(let entry, let error): .contribution(manifest[entry].contribution, error)
        case .file(let error): .file(error)
        case .nonFinite(let block): .nonFinite(block: block)
        }
    }
}
