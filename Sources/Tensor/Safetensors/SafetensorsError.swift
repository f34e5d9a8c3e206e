import System

/// Why a file is no acceptable safetensors file.
public enum SafetensorsError: Error, Hashable, Sendable {
    case file(FileError)
    /// Shorter than its header says, or a header of more than 100 MB.
    case headerTooLong(file: String, bytes: UInt64)
    /// The header is not the JSON that it must be; `offset` counts its bytes from 0.
    case malformedHeader(file: String, offset: Int, expected: String)
    case duplicateName(file: String, name: String)
    case tooManyTensors(file: String, limit: Int)
    /// A tensor's bytes are not shape times element size, or do not follow the tensor before it, or the last one does
    /// not end at the end of the file.
    case badOffsets(file: String, name: String)
    /// Only F32, F16, BF16, integers and booleans are read.
    case dtypeMismatch(file: String, name: String, dtype: String)
    case layout(file: String, LayoutError)
    /// A tensor of the layout is not in the file.
    case missingParameter(file: String, name: String)
    /// A tensor in the file is not in the layout.
    case unexpectedParameter(file: String, name: String)
    case shapeMismatch(file: String, name: String, expected: [Int], found: [Int])
    /// A shard has a tensor that the index does not say is there.
    case unindexedTensor(file: String, name: String)
    /// An index names a file that does not lie beside it.
    case badShardName(file: String, name: String)
    /// Integers and other tensors that are not trained take too many bytes.
    case tooMuchCarried(file: String, name: String, limitBytes: Int)
    case missingMetadata(file: String, key: String)
    case badMetadata(file: String, key: String, value: String, expected: String)
}

extension SafetensorsError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let error): error.description
        case .headerTooLong(let file, let bytes):
            "\(file) is not a safetensors file: it claims a header of \(bytes) bytes"
        case .malformedHeader(let file, let offset, let expected):
            "\(file): at byte \(offset) of the header, expected \(expected)"
        case .duplicateName(let file, let name): "\(file) names \(name) twice"
        case .tooManyTensors(let file, let limit): "\(file) has more than \(limit) tensors"
        case .badOffsets(let file, let name): "\(file): the place of \(name) does not fit its shape or its neighbours"
        case .dtypeMismatch(let file, let name, let dtype):
            "\(file): \(name) is of type \(dtype); F32, F16 and BF16 are trained, integers and booleans carried along: "
                + "convert it"
        case .layout(let file, let error): "\(file): \(error)"
        case .missingParameter(let file, let name): "\(file) lacks the tensor \(name)"
        case .unexpectedParameter(let file, let name): "\(file) has the tensor \(name), which the genesis does not"
        case .shapeMismatch(let file, let name, let expected, let found):
            "\(file): \(name) has shape \(found), expected \(expected)"
        case .unindexedTensor(let file, let name):
            "\(file) has the tensor \(name), which the index does not say is there"
        case .badShardName(let file, let name):
            "\(file) names the file \(name), which is not a safetensors file beside it"
        case .tooMuchCarried(let file, let name, let limit):
            "\(file): the tensors that are not trained take more than \(limit) bytes at \(name)"
        case .missingMetadata(let file, let key): "\(file) lacks \(key) in its metadata"
        case .badMetadata(let file, let key, let value, let expected):
            "\(file): \(key) in its metadata is \(value), expected \(expected)"
        }
    }
}
