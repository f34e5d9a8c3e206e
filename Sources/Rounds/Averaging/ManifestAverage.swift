import Crypto
import Ledger
import System
import Tensor

/// Why a manifest could not be averaged. None of these says anything about its contributions, which were validated:
/// they mean that something lacks or that this machine's storage failed, apart from `nonFinite`.
public enum ManifestFault: Error, Hashable, Sendable {
    case missingPayload(ContributionDigest)
    /// A payload does not decode although it was valid once.
    case contribution(ContributionDigest, CodecError)
    case file(FileError)
    /// The outer step left the range of float32 in this block.
    case nonFinite(block: Int)
}

/// The averaging of a version's manifest on top of its parent's parameters: a pure function of both and of the rules,
/// with the same bits for any number of workers on any machine.
public enum ManifestAverage {
    /// Writes the state of the next version to a new parameter file. Returns the roots that its record names, and how the
    /// contributions went into it.
    ///
    /// - Parameters:
    ///   - manifest: in its order; an empty one gives the parent's state again, bit for bit.
    ///   - parent: the parent version's file, of the shape that layout and rules give.
    ///   - rules: in force at the version's height.
    ///   - members: how many decide that height.
    ///   - outputPath: appears whole and synced, or not at all.
    ///   - workers: threads, at least one.
    public static func average(
        _ manifest: [ManifestEntry], payloads: some PayloadSource, parent: ParameterFile,
        layout: ParameterLayout, rules: Rules, members: Int, outputPath: String, workers: Int
    ) throws(ManifestFault) -> (roots: StateRoots, figures: AveragingFigures) {
        precondition(parent.shape == StateShape(layout, rules.innerOptimizer))
        let entries = try self.entries(manifest, payloads: payloads, layout: layout, rules: rules)
        let writer: ParameterFileWriter
        do throws(FileError) {
            writer = try ParameterFileWriter(path: outputPath, shape: parent.shape)
        } catch {
            throw .file(error)
        }
        let result = try average(
            entries, manifest, layout, rules, members: members, base: parent, output: writer,
            state: parent.outer.map { OptimizerState(base: $0, output: writer.outer) }, path: parent.path,
            workers: workers)
        do throws(FileError) {
            let written = try writer.finish()
            precondition(result.tree.root == written.parameters.root, "the file has the blocks that were averaged")
            return (StateRoots(written), result.figures)
        } catch {
            throw .file(error)
        }
    }

    /// The same in memory: for small models and tests.
    ///
    /// - Parameter outer: the state of the shared optimizer; empty without one.
    public static func average(
        _ manifest: [ManifestEntry], payloads: some PayloadSource, parent: [Float], outer: [Float] = [],
        layout: ParameterLayout, rules: Rules, members: Int, workers: Int = 1
    ) throws(ManifestFault) -> (parameters: [Float], outer: [Float], roots: StateRoots, figures: AveragingFigures) {
        let shape = StateShape(layout, rules.innerOptimizer)
        precondition(shape == StateShape(parameterCount: parent.count, outerCount: outer.count))
        let entries = try self.entries(manifest, payloads: payloads, layout: layout, rules: rules)
        let (sink, outerSink) = (MemoryBlockSink(), MemoryBlockSink())
        let state = outer.isEmpty ? nil : OptimizerState(base: ParameterArray(outer), output: outerSink)
        let result = try average(
            entries, manifest, layout, rules, members: members, base: ParameterArray(parent), output: sink,
            state: state,
            path: "the state in memory", workers: workers)
        let next = outerSink.values
        do throws(FileError) {
            let outerRoot = next.isEmpty ? .zero : try ParameterFile.tree(of: ParameterArray(next)).root
            return (
                sink.values, next, StateRoots(parameters: result.tree.root, outer: outerRoot), result.figures
            )
        } catch {
            throw .file(error)
        }
    }

    /// Where the shared optimizer's state comes from, and where the next one goes.
    private struct OptimizerState {
        let base: any ParameterSource
        let output: any BlockSink
    }

    private static func average(
        _ entries: [AveragingEntry], _ manifest: [ManifestEntry], _ layout: ParameterLayout, _ rules: Rules,
        members: Int,
        base: any ParameterSource, output: any BlockSink, state: OptimizerState?, path: String, workers: Int
    ) throws(ManifestFault) -> AveragedState {
        var (stepsBefore, second) = (0, SecondMoment?.none)
        if let state {
            do throws(FileError) { stepsBefore = try SharedState.steps(of: state.base, path: path) } catch {
                throw .file(error)
            }
            let stepsAfter = entries.isEmpty ? stepsBefore : stepsBefore + Int(rules.innerSteps)
            second = SecondMoment(
                base: SecondMomentSource(state: state.base),
                output: SecondMomentSink(
                    output: state.output, parameterCount: layout.parameterCount,
                    steps: min(stepsAfter, SharedState.stepsMaximum)))
        }
        do throws(AveragingError) {
            return try Averager.average(
                layout: layout, entries: entries,
                rule: Tensor.AveragingRule(rules, members: members, stepsBefore: stepsBefore), base: base,
                output: output, second: second, workers: workers)
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
