import Crypto
import Ledger
import Rounds
import System
import Tensor

/// `state/params/`: base versions under the names that their roots give (`StateRoots.name`). Also the residuals, which have the same format.
///
/// Files are written under a temporary name, synced and renamed, and never changed. Any thread may call.
struct ParameterStore: Sendable {
    let state: StateDirectory
    let layout: ParameterLayout
    /// Of every version of this mesh.
    let shape: StateShape

    func has(_ root: Digest) -> Bool { File.exists(state.parameters(root)) }

    /// The parameters under `root`; every block that is read from it through `readBlock` is checked.
    func open(_ root: Digest) throws(FileError) -> ParameterFile {
        try ParameterFile(path: state.parameters(root), shape: shape, expectedName: root)
    }

    /// Reads every block.
    ///
    /// - Throws: `damaged` with the block that is not what was written.
    func verify(_ root: Digest) throws(FileError) { try open(root).verify() }

    /// The root that a file is named after; nil for a file that is being written.
    static func root(of name: String) -> Digest? {
        name.hasSuffix(".f32") ? Digest(hex: String(name.dropLast(4))) : nil
    }

    /// Removes all files but those of `roots`.
    ///
    /// - Parameter keepsPartial: what has come of others block by block stays too.
    func retain(_ roots: Set<Digest>, keepsPartial: Bool) throws(FileError) {
        for name in try Folder.names(in: state.params) {
            if let root = ParameterStore.root(of: name), roots.contains(root) { continue }
            if keepsPartial, PartialParameters.isName(name) { continue }
            File.remove(state.params + "/" + name)
        }
    }

    func remove(_ root: Digest) { File.remove(state.parameters(root)) }

    /// Copies version 0 out of a safetensors file, or a directory with `model.safetensors` or its shards, and the optimizer's state
    /// of a fork that goes on with it.
    ///
    /// - Throws: `missingParameters` where the model is another one than the genesis names.
    func importModel(_ path: String, expecting roots: StateRoots) throws(StoreError) {
        let temporary = state.params + "/import.f32"
        defer { File.remove(temporary) }
        let tree: StateTree
        do {
            let model = try FoundingModel(path, layout: layout, roots: roots, shape: shape)
            tree = try ParameterFile.write(model.parameters, outer: model.outer, to: temporary)
        } catch let error as FileError {
            throw .file(error)
        } catch SafetensorsError.file(let error) where !error.isMissing {
            throw .file(error)
        } catch {
            throw .missingParameters(height: 0, root: roots.parameters.short, reason: "\(path): \(error)")
        }
        guard StateRoots(tree) == roots else {
            throw .missingParameters(
                height: 0, root: roots.parameters.short,
                reason: "\(path): is another model, with \(StateRoots(tree).short(besides: roots))")
        }
        try stored(File.rename(temporary, to: state.parameters(roots.name)))
    }
}
