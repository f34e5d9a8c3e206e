import Crypto
import System
import Tensor

/// The parameters that peers ask for, kept open: reading all leaves again for every block would cost more than the
/// block. Any thread may call.
final class ParameterFileCache: Sendable {
    private let parameters: ParameterStore
    /// The last used first.
    private let files = Guarded<[ParameterFile]>([])

    /// A joiner asks for one root; a few joiners at once for one or two.
    private static let capacity = 3

    init(_ parameters: ParameterStore) { self.parameters = parameters }

    /// A block with its proof, checked; nil where these parameters are not kept or have no such block.
    func block(_ index: Int, of root: Digest) throws(FileError) -> (bytes: [UInt8], proof: [Digest])? {
        guard let file = try file(root), index >= 0, index < file.shape.blockCount else { return nil }
        return (try file.bytes(ofBlock: index), file.proof(ofBlock: index))
    }

    private func file(_ root: Digest) throws(FileError) -> ParameterFile? {
        // An open file would outlive its name: what retention has dropped is given to nobody.
        guard parameters.has(root) else {
            files.withLock { $0.removeAll { $0.name == root } }
            return nil
        }
        if let open = files.withLock({ $0.first { $0.name == root } }) { return open }
        let file = try parameters.open(root)
        files.withLock { files in
            files.removeAll { $0.name == root }
            files.insert(file, at: 0)
            if files.count > ParameterFileCache.capacity { files.removeLast() }
        }
        return file
    }
}
