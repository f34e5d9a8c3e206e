import Control
import Ledger
import Rounds
import System
import Tensor

/// What the daemon streams: the parameters of a version, and the ledger.
extension DaemonConnection {
    /// Throws where the daemon belongs to another mesh than the genesis founds.
    func check(_ founding: Genesis) throws {
        let status = try ask(StatusRequest())
        guard status.network.text == founding.network.description else {
            throw Failure(
                "the daemon is in network \(Words.short(status.network.text)), the genesis founds \(founding.network.short)"
            )
        }
    }

    /// The parameters, or the state of the shared optimizer, in a file of its own; throws where it is not what the daemon says the
    /// version certifies.
    func download(
        _ part: StatePart, of height: Int64?, _ layout: ParameterLayout, to path: String
    ) throws -> (ParametersExport, ParameterFile) {
        let export = try ask(ParametersExportBegin(height: height, part: part))
        do {
            return (export, try receive(export, part, layout, to: path))
        } catch let error as FileError {
            throw Failure("\(error)")
        }
    }

    private func receive(
        _ export: ParametersExport, _ part: StatePart, _ layout: ParameterLayout, to path: String
    ) throws -> ParameterFile {
        var counts = layout.tensors.map(\.count)
        if part == .optimizer { counts.append(1) }
        let count = counts.reduce(0, +)
        guard export.bytes == 4 * Int64(count) else {
            throw Failure("the daemon sends \(export.bytes) bytes, the genesis' tensors take \(4 * count)")
        }
        let file = try ParameterFileAppender(path: path, parameterCount: count)
        var tensor = 0
        var element = 0
        try receive(
            transfer: export.transfer, kind: .parameters, byteCount: export.bytes,
            isNext: { frame in
                if tensor < counts.count, element == counts[tensor] {
                    tensor += 1
                    element = 0
                }
                return tensor < counts.count && frame.tensorIndex == UInt32(tensor)
                    && frame.offset == UInt64(element) && frame.bytes.count.isMultiple(of: 4)
                    && frame.bytes.count / 4 <= counts[tensor] - element
            },
            take: { frame in
                try file.append(littleEndian: frame.bytes)
                element += frame.bytes.count / 4
            })
        let root = try file.finish().root
        guard root.description == export.root.text else {
            throw Failure("what the daemon sent is not version \(export.height): its root is \(root.short)")
        }
        return try ParameterFile(path: path, parameterCount: count, expectedRoot: root)
    }

    /// The ledger up to a height, or all, in a file.
    func download(ledgerThrough height: Int64?, to path: String) throws -> LedgerExport {
        let export = try ask(LedgerExportBegin(through: height))
        do {
            let sink = try FilePayloadSink(path: path)
            var offset = 0
            try receive(
                transfer: export.transfer, kind: .ledger, byteCount: export.bytes,
                isNext: { $0.tensorIndex == 0 && $0.offset == UInt64(offset) },
                take: { frame in
                    try sink.write(frame.bytes, at: offset)
                    offset += frame.bytes.count
                })
            try sink.finish()
        } catch let error as FileError {
            throw Failure("\(error)")
        }
        return export
    }
}

extension ParameterFileAppender {
    /// - Parameter bytes: float32, little-endian, a whole number of them.
    fileprivate func append(littleEndian bytes: [UInt8]) throws(FileError) {
        let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: bytes.count / 4)
        defer { values.deallocate() }
        for index in values.indices {
            let word =
                UInt32(bytes[4 * index]) | UInt32(bytes[4 * index + 1]) << 8 | UInt32(bytes[4 * index + 2]) << 16
                | UInt32(bytes[4 * index + 3]) << 24
            values.initializeElement(at: index, to: Float(bitPattern: word))
        }
        try append(UnsafeBufferPointer(values))
    }
}
