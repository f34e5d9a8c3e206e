import System
import Tensor

/// A delta as a trainer handed it over: float32 little-endian, nothing else.
struct RawParameters: ParameterSource {
    let parameterCount: Int
    private let file: File

    init(path: String, parameterCount: Int) throws(FileError) {
        file = try File.open(path, .read)
        let found = try file.byteCount()
        guard found == 4 * parameterCount else {
            throw .wrongSize(file: path, expectedBytes: 4 * parameterCount, foundBytes: found)
        }
        self.parameterCount = parameterCount
    }

    func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError) {
        precondition(offset >= 0 && buffer.count <= parameterCount - offset)
        try file.read(at: 4 * offset, into: UnsafeMutableRawBufferPointer(buffer))
        #if _endian(big)
            for index in buffer.indices { buffer[index] = Float(bitPattern: buffer[index].bitPattern.byteSwapped) }
        #endif
    }
}
