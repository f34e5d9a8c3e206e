import Crypto
import System

extension ParameterFile {
    /// The bytes of a whole block as they lie on disk and travel, checked against its Merkle leaf.
    public func bytes(ofBlock block: Int) throws(FileError) -> [UInt8] {
        let values = Storage<Float>(count: shape.values(ofBlock: block).count, filledWith: 0)
        try readBlock(block, into: values.buffer)
        FloatBytes.swapOnBigEndian(values.buffer)
        return Array(UnsafeRawBufferPointer(values.buffer))
    }

    /// The siblings of a block's leaf up to the file's name.
    public func proof(ofBlock block: Int) -> [Digest] { tree.proof(of: block) }
}
