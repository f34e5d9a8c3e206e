import Tensor

/// A delta as a trainer handed it over: float32 little-endian, nothing else.
struct RawParameters: ParameterSource {
    let parameterCount: Int
    private let file: DiskFile

    init(path: String, parameterCount: Int) throws(StoreError) {
        file = try DiskFile.open(path, .read)
        let found = try file.byteCount()
        guard found == 4 * parameterCount else {
            throw .wrongSize(file: path, expectedBytes: 4 * parameterCount, foundBytes: found)
        }
        self.parameterCount = parameterCount
    }

    func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(ParameterFileError) {
        precondition(offset >= 0 && buffer.count <= parameterCount - offset)
        do throws(StoreError) {
            try file.read(at: 4 * offset, into: UnsafeMutableRawBufferPointer(buffer))
        } catch {
            switch error {
            case .system(let path, let operation, let code): throw .system(file: path, operation: operation, code: code)
            default: throw .wrongSize(file: file.path, expectedBytes: 4 * parameterCount, foundBytes: 4 * offset)
            }
        }
        #if _endian(big)
            for index in buffer.indices { buffer[index] = Float(bitPattern: buffer[index].bitPattern.byteSwapped) }
        #endif
    }
}
