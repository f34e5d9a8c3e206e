import Crypto
import Ledger
import System
import Tensor

/// The state under a certified name while it comes block by block from peers.
///
/// `params/<root>.blocks` has the very format of a parameter file, and is sparse: a block that is not here has a leaf of
/// zeros. Every block stood under the root when it was written, and is held against its leaf again by whoever takes
/// the file up, so neither a crash nor a damaged disk can make anything else of it. Any thread may call; two blocks
/// may be stored at once.
struct PartialParameters: Sendable {
    let parameters: ParameterStore
    let root: Digest

    private static let suffix = ".blocks"

    private var path: String { parameters.state.params + "/\(root)" + PartialParameters.suffix }
    private var count: Int { parameters.shape.valueCount }
    private var blockCount: Int { parameters.shape.blockCount }
    private var fileBytes: Int { 4 * count + Digest.byteCount * blockCount }

    /// Whether a file in `params/` is of this kind.
    static func isName(_ name: String) -> Bool { name.hasSuffix(suffix) }

    /// Removes what was begun under any other root.
    func removeOthers() throws(FileError) {
        for name in try Folder.names(in: parameters.state.params)
        where PartialParameters.isName(name) && name != "\(root)" + PartialParameters.suffix {
            File.remove(parameters.state.params + "/" + name)
        }
    }

    /// Which blocks are here and right. Begins the file where there is none.
    func held() throws(FileError) -> [Bool] {
        if parameters.has(root) {
            do throws(FileError) {
                try parameters.verify(root)
                return Array(repeating: true, count: blockCount)
            } catch {
                parameters.remove(root)
            }
        }
        let file = try File.open(path, .create())
        if try file.byteCount() != fileBytes {
            try file.resize(to: 0)
            try file.resize(to: fileBytes)
        }
        var held: [Bool] = []
        held.reserveCapacity(blockCount)
        for block in 0..<blockCount {
            let leaf = try leaf(block, file)
            let isHere = leaf != .zero
            held.append(isHere ? MerkleTree.leaf(try bytes(block, file)) == leaf : false)
        }
        return held
    }

    /// Writes a block.
    ///
    /// - Returns: false where these bytes do not stand at this place under the root.
    func store(_ block: Int, proof: [Digest], bytes: [UInt8]) throws(FileError) -> Bool {
        guard block >= 0, block < blockCount, bytes.count == range(block).count else { return false }
        let leaf = MerkleTree.leaf(bytes)
        guard parameters.shape.verify(leaf: leaf, block: block, proof: proof, name: root) else {
            return false
        }
        let file = try File.open(path, .write)
        try file.write(bytes, at: range(block).lowerBound)
        try file.write(leaf.bytes, at: 4 * count + Digest.byteCount * block)
        return true
    }

    /// Checks everything once more, syncs it and gives it its name.
    ///
    /// - Returns: which blocks are right; the file has its name where all are.
    func complete() throws(FileError) -> [Bool] {
        let held = try held()
        guard !held.contains(false), !parameters.has(root) else { return held }
        let file = try File.open(path, .write)
        var leaves: [Digest] = []
        for block in 0..<blockCount { leaves.append(try leaf(block, file)) }
        guard StateTree(leaves: leaves, shape: parameters.shape).name == root else {
            // Blocks and leaves were changed alike, on disk: nothing here can be told from anything else.
            try file.resize(to: 0)
            try file.resize(to: fileBytes)
            return Array(repeating: false, count: blockCount)
        }
        try file.synchronize()
        try File.rename(path, to: parameters.state.parameters(root))
        return held
    }

    /// The place of a block's bytes in the file.
    private func range(_ block: Int) -> Range<Int> {
        let values = parameters.shape.values(ofBlock: block)
        return 4 * values.lowerBound..<4 * values.upperBound
    }

    private func bytes(_ block: Int, _ file: File) throws(FileError) -> [UInt8] {
        try file.read(at: range(block).lowerBound, count: range(block).count)
    }

    private func leaf(_ block: Int, _ file: File) throws(FileError) -> Digest {
        let bytes = try file.read(at: 4 * count + Digest.byteCount * block, count: Digest.byteCount)
        guard let leaf = Digest(bytes: bytes) else { preconditionFailure("a digest has 32 bytes") }
        return leaf
    }
}
