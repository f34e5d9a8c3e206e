import Crypto
import System

/// A safetensors file (github.com/huggingface/safetensors, format of 0.4): tensors by name, readable in any part.
///
/// Strict: a header of at most 100 MB, no name twice, no holes, no overlap, the last tensor ends at the end of the
/// file. F32, F16 and BF16 are parameters, widened to float32 exactly; integers and booleans are carried along. Values
/// may be anything: who writes them on as parameters refuses what is not finite.
public struct SafetensorsFile: Sendable {
    public let path: String
    /// In the order of their data.
    public let entries: [SafetensorsEntry]
    public let metadata: [ExactText: String]
    private let file: File
    private let dataStart: Int

    public init(path: String) throws(SafetensorsError) {
        let file = try Self.fileError(File.open(path, .read))
        let size = try Self.fileError(file.byteCount())
        let prefix = try Self.bytes(of: file, at: 0, count: 8)
        let length = PayloadHeader.littleEndian(prefix[...])
        guard size >= 8, length <= UInt64(SafetensorsHeader.byteLimit), Int(length) <= size - 8 else {
            throw .headerTooLong(file: path, bytes: length)
        }
        let header = try SafetensorsHeader(
            Self.bytes(of: file, at: 8, count: Int(length)), dataBytes: size - 8 - Int(length), file: path)
        self.path = path
        self.file = file
        dataStart = 8 + Int(length)
        entries = header.entries
        metadata = header.metadata
    }

    /// The layout with this file's parameters in the order of their data.
    public func layout() throws(SafetensorsError) -> ParameterLayout { try SafetensorsModel(self).layout() }

    /// The parameters as one flat vector in the order of `layout`, which must name exactly these tensors and shapes.
    public func parameters(_ layout: ParameterLayout) throws(SafetensorsError) -> SafetensorsParameters {
        try SafetensorsModel(self).parameters(layout)
    }

    /// The data of a tensor as it lies in the file.
    func bytes(of entry: SafetensorsEntry) throws(SafetensorsError) -> [UInt8] {
        try Self.bytes(of: file, at: dataStart + entry.range.lowerBound, count: entry.range.count)
    }

    /// Fills `buffer` with a tensor's elements from `element` on, widened to float32.
    func read(
        _ entry: SafetensorsEntry, at element: Int, into buffer: UnsafeMutableBufferPointer<Float>
    ) throws(FileError) {
        let start = dataStart + entry.range.lowerBound + element * entry.type.byteCount
        guard entry.type != .float32 else {
            try file.read(at: start, into: UnsafeMutableRawBufferPointer(buffer))
            FloatBytes.swapOnBigEndian(buffer)
            return
        }
        let part = min(buffer.count, 65_536)
        let halves = Storage<UInt16>(count: max(part, 1), filledWith: 0)
        var done = 0
        while done < buffer.count {
            let count = min(part, buffer.count - done)
            let raw = UnsafeMutableBufferPointer(rebasing: halves.buffer[..<count])
            try file.read(at: start + 2 * done, into: UnsafeMutableRawBufferPointer(raw))
            for index in 0..<count {
                buffer[done + index] = Self.widen(UInt16(littleEndian: raw[index]), entry.type)
            }
            done += count
        }
    }

    /// Exact: each 16-bit number is a float32.
    static func widen(_ bits: UInt16, _ type: SafetensorsType) -> Float {
        if type == .brainFloat16 { return Float(bitPattern: UInt32(bits) << 16) }
        let sign: Float = bits >> 15 == 0 ? 1 : -1
        let exponent = Int(bits >> 10 & 31)
        let fraction = Float(bits & 1023)
        switch exponent {
        case 0: return sign * fraction * 0x1p-24
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default: return sign * (1024 + fraction) * Float(sign: .plus, exponent: exponent - 25, significand: 1)
        }
    }

    private static func bytes(of file: File, at offset: Int, count: Int) throws(SafetensorsError) -> [UInt8] {
        try fileError(file.read(at: offset, count: count))
    }

    static func fileError<Result>(
        _ body: @autoclosure () throws(FileError) -> Result
    ) throws(SafetensorsError) -> Result {
        do throws(FileError) {
            return try body()
        } catch {
            throw .file(error)
        }
    }
}
