import Crypto
import Ledger
import Rounds
import Tensor

/// `state/params/`: base versions under the names that their roots give (`StateRoots.name`). Also the residuals, which have the same format.
///
/// Files are written under a temporary name, synced and renamed, and never changed. Any thread may call.
struct ParameterStore: Sendable {
    let state: StateDirectory
    let layout: ParameterLayout
    /// Of every version of this mesh.
    let shape: StateShape

    func has(_ root: Digest) -> Bool { DiskFile.exists(state.parameters(root)) }

    /// The parameters under `root`; every block that is read from it through `readBlock` is checked.
    func open(_ root: Digest) throws(StoreError) -> ParameterFile {
        do throws(ParameterFileError) {
            return try ParameterFile(
                path: state.parameters(root), shape: shape, expectedName: root)
        } catch { throw StoreError(error) }
    }

    /// Reads every block.
    ///
    /// - Throws: `damagedFile` with the block that is not what was written.
    func verify(_ root: Digest) throws(StoreError) {
        let file = try open(root)
        do throws(ParameterFileError) { try file.verify() } catch { throw StoreError(error) }
    }

    /// The root that a file is named after; nil for a file that is being written.
    static func root(of name: String) -> Digest? {
        name.hasSuffix(".f32") ? Digest(hex: String(name.dropLast(4))) : nil
    }

    /// Removes all files but those of `roots`.
    ///
    /// - Parameter keepsPartial: what has come of others block by block stays too.
    func retain(_ roots: Set<Digest>, keepsPartial: Bool) throws(StoreError) {
        for name in try DiskFile.names(in: state.params) {
            if let root = ParameterStore.root(of: name), roots.contains(root) { continue }
            if keepsPartial, PartialParameters.isName(name) { continue }
            DiskFile.remove(state.params + "/" + name)
        }
    }

    func remove(_ root: Digest) { DiskFile.remove(state.parameters(root)) }

    /// Copies version 0 out of a safetensors file, or a directory with `model.safetensors` or its shards, and the optimizer's state
    /// of a fork that goes on with it.
    ///
    /// - Throws: `missingParameters` where the model is another one than the genesis names.
    func importModel(_ path: String, expecting roots: StateRoots) throws(StoreError) {
        let temporary = state.params + "/import.f32"
        defer { DiskFile.remove(temporary) }
        let tree: StateTree
        do {
            let model = try FoundingModel(path, layout: layout, roots: roots, shape: shape)
            tree = try ParameterFile.write(model.parameters, outer: model.outer, to: temporary)
        } catch let error as ParameterFileError {
            throw StoreError(error)
        } catch SafetensorsError.file(let error) where !error.isMissingFile {
            throw StoreError(error)
        } catch {
            throw .missingParameters(height: 0, root: roots.parameters.short, reason: "\(path): \(error)")
        }
        guard StateRoots(tree) == roots else {
            throw .missingParameters(
                height: 0, root: roots.parameters.short,
                reason: "\(path): is another model, with \(StateRoots(tree).short(besides: roots))")
        }
        try DiskFile.rename(temporary, to: state.parameters(roots.name))
    }
}

extension StoreError {
    init(_ error: ParameterFileError) {
        switch error {
        case .system(let file, let operation, let code): self = .system(file: file, operation: operation, code: code)
        case .notARegularFile(let file): self = .notARegularFile(file: file)
        case .tooLong(let file, _, let limit): self = .tooLong(file: file, limitBytes: limit)
        case .wrongSize(let file, let expected, let found):
            self = .wrongSize(file: file, expectedBytes: expected, foundBytes: found)
        case .corruptBlock(let file, let block): self = .damagedFile(file: file, place: "block \(block)")
        case .wrongRoot(let file, _, _): self = .damagedFile(file: file, place: "the Merkle leaves at its end")
        case .nonFinite(let file, let block):
            self = .damagedFile(file: file, place: "block \(block) holds a number that is not finite")
        case .badSecondMoment(let file, let block):
            self = .damagedFile(file: file, place: "block \(block) holds a number that is no second moment")
        case .wrongCount(let file, let expected, let found):
            self = .wrongSize(file: file, expectedBytes: 4 * expected, foundBytes: 4 * found)
        }
    }
}
