/// Why a file is no acceptable safetensors file.
public enum SafetensorsError: Error, Hashable, Sendable {
    case file(ParameterFileError)
    /// Shorter than its header says, or a header of more than 100 MB.
    case headerTooLong(file: String, bytes: UInt64)
    /// The header is not the JSON that it must be; `offset` counts its bytes from 0.
    case malformedHeader(file: String, offset: Int, expected: String)
    case duplicateName(file: String, name: String)
    case tooManyTensors(file: String, limit: Int)
    /// A tensor's bytes are not shape times element size, or do not follow the tensor before it, or the last one does
    /// not end at the end of the file.
    case badOffsets(file: String, name: String)
    /// Only F32, F16 and BF16 are read.
    case dtypeMismatch(file: String, name: String, dtype: String)
    case layout(file: String, LayoutError)
    /// A tensor of the layout is not in the file.
    case missingParameter(file: String, name: String)
    /// A tensor in the file is not in the layout.
    case unexpectedParameter(file: String, name: String)
    case shapeMismatch(file: String, name: String, expected: [Int], found: [Int])
}
