import Crypto
import Glibc
import Ledger
import Rounds
import System
import Tensor

/// A directory of its own for the parameters of two versions at a time, and of those that reverts reach back to; goes
/// away with its last reference.
final class RecomputeFolder {
    let path: String
    /// Version 0.
    let start: ParameterFile

    init(_ parent: String?, _ genesis: Genesis, model: String) throws {
        let layout: ParameterLayout
        do throws(LayoutError) { layout = try ParameterLayout(genesis) } catch {
            throw Failure("the genesis' tensors make no parameter vector: \(error)")
        }
        let shape = StateShape(layout, genesis.rules.innerOptimizer)
        let founding: FoundingModel
        do throws(SafetensorsError) {
            founding = try FoundingModel(model, layout: layout, roots: genesis.roots, shape: shape)
        } catch {
            throw Failure("the model in \(model) cannot be used: \(error)")
        }
        let root = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let path = root + "/meshctl-verify-" + SecretBytes.random(count: 8).withUnsafeBytes { Hex.encode($0) }
        try Folder.make(path, mode: 0o700)
        do throws(FileError) {
            let tree = try ParameterFile.write(founding.parameters, outer: founding.outer, to: path + "/0")
            start = try ParameterFile(path: path + "/0", shape: shape, expectedName: tree.name)
        } catch {
            RecomputeFolder.remove(path)
            throw Failure("\(error)")
        }
        self.path = path
    }

    deinit { RecomputeFolder.remove(path) }

    func file(_ height: Height) -> String { path + "/\(height)" }

    /// Removes the parameters of a version that is no longer needed.
    func remove(_ height: Height) { unlink(file(height)) }

    /// Removes what a replay left on its way to the parameters of a version.
    func removeScratch(_ height: Height) { for path in Replay.scratchPaths(of: file(height)) { unlink(path) } }

    private static func remove(_ path: String) {
        for name in (try? Folder.names(in: path)) ?? [] { unlink(path + "/" + name) }
        rmdir(path)
    }
}
