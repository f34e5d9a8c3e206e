import Crypto
import System

/// The state of a shared optimizer beside a model: `optimizer/state.safetensors` in the model's directory.
///
/// The second moment of each parameter is a float32 tensor `exp_avg_sq.NAME`, in the order of the layout; the number of steps behind
/// the state is in the metadata, as `mesh.optimizer_steps`. In a folder of its own: what loads a directory of weights may take all
/// safetensors files in it.
public enum OptimizerStateFile {
    public static let folder = "optimizer"
    /// Relative to the model's directory.
    public static let name = folder + "/state.safetensors"

    /// The state's file beside a model: a directory, a file of weights, or the index of shards.
    public static func path(of model: String) -> String {
        (File.kind(of: model) == .directory ? model : File.folder(of: model)) + "/" + name
    }

    private static let tensorPrefix = "exp_avg_sq."
    private static let stepsKey = "mesh.optimizer_steps"

    /// Writes the state of a model of this layout; streams.
    ///
    /// - Parameters:
    ///   - state: as `SharedState` describes it.
    ///   - metadata: pairs to write beside the number of steps.
    ///   - path: the file; its folder must exist.
    public static func write(
        _ state: any ParameterSource, layout: ParameterLayout, metadata: [(key: String, value: String)],
        to path: String
    ) throws(SafetensorsError) {
        let steps: Int
        do throws(FileError) { steps = try SharedState.steps(of: state, path: path) } catch {
            throw .file(error)
        }
        try SafetensorsFile.write(
            SecondMomentSource(state: state), layout: momentLayout(layout, path),
            metadata: metadata + [(key: stepsKey, value: "\(steps)")], to: path)
    }

    /// The state in a file, as `SharedState` describes it. Values are read when they are asked for, and those that are no second
    /// moment are refused then: `FileError.damaged`.
    ///
    /// - Throws: `SafetensorsError` where the file is not the state of a model of this layout.
    public static func read(_ path: String, layout: ParameterLayout) throws(SafetensorsError) -> any ParameterSource {
        let file = try SafetensorsFile(path: path)
        let moments = try file.parameters(momentLayout(layout, path))
        guard let text = file.metadata[ExactText(stepsKey)] else { throw .missingMetadata(file: path, key: stepsKey) }
        guard let steps = Int(text), (0...SharedState.stepsMaximum).contains(steps), "\(steps)" == text else {
            throw .badMetadata(
                file: path, key: stepsKey, value: text, expected: "a whole number up to \(SharedState.stepsMaximum)")
        }
        return SharedStateSource(path: path, moments: moments, steps: steps)
    }

    private static func momentLayout(
        _ layout: ParameterLayout, _ path: String
    ) throws(SafetensorsError) -> ParameterLayout {
        do throws(LayoutError) {
            return try ParameterLayout(layout.tensors.map { (name: tensorPrefix + $0.name, shape: $0.shape) })
        } catch {
            throw .layout(file: path, error)
        }
    }
}

/// Second moments, and behind them the number of steps.
private struct SharedStateSource: ParameterSource {
    let path: String
    let moments: SafetensorsParameters
    let steps: Int

    var parameterCount: Int { SharedState.count(parameterCount: moments.parameterCount) }

    func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError) {
        precondition(offset >= 0 && buffer.count <= parameterCount - offset)
        guard !buffer.isEmpty else { return }
        let count = min(buffer.count, moments.parameterCount - offset)
        let values = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
        try moments.read(at: offset, into: values)
        // The square root of a negative number would stop the mesh at its first step.
        if let bad = values.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
            throw .damaged(
                file: path,
                place:
                    "block \((offset + bad) / ParameterLayout.blockParameters) has a number that is no second moment: "
                    + "it is negative, infinite or not a number")
        }
        if count < buffer.count { buffer[count] = Float(steps) }
    }
}
