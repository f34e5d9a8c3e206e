import Ledger
import Tensor

/// A version as a model directory holds it, in most cases version 0: the parameters, and the state of a shared optimizer if there is one.
public struct FoundingModel {
    public let parameters: SafetensorsParameters
    /// All zeros, or what `OptimizerStateFile` has in the directory: for a fork that goes on with its origin's state.
    public let outer: (any ParameterSource)?

    /// - Parameters:
    ///   - path: a directory in Hugging Face's layout, or a file of weights in it.
    ///   - layout: of the genesis.
    ///   - roots: of the version. They say whether the state is empty; that they are those of the model is the caller's to check.
    ///   - shape: of the versions of this mesh.
    public init(
        _ path: String, layout: ParameterLayout, roots: StateRoots, shape: StateShape
    ) throws(SafetensorsError) {
        parameters = try SafetensorsModel(path: path).parameters(layout)
        guard shape.outerCount > 0 else {
            outer = nil
            return
        }
        let empty = StateRoots(
            founding: roots.parameters, parameterCount: UInt64(layout.parameterCount), .sharedAdamW)
        outer =
            roots == empty
            ? ZeroParameters(parameterCount: shape.outerCount)
            : try OptimizerStateFile.read(OptimizerStateFile.path(of: path), layout: layout)
    }
}
