import Control
import Crypto
import System
import Tensor

/// A part of a version's state on its way to a client: a block in memory at a time, each held against its Merkle leaf
/// when it is read, and read only once the client has taken the one before.
final class OutgoingState {
    private let source: any ParameterSource
    private let shape: StateShape
    private let layout: ParameterLayout
    private let transfer: UInt32
    private let connection: ControlConnection
    private let driver: Driver
    private var block = 0

    /// Elements in one frame.
    private static let frameElements = TensorFrame.limitBytes / 4

    /// - Parameter source: the parameters of `layout`, or as many values and one more, which stands behind the last
    ///   tensor.
    init(
        source: any ParameterSource, layout: ParameterLayout, transfer: UInt32, connection: ControlConnection,
        driver: Driver
    ) {
        self.source = source
        shape = StateShape(parameterCount: source.parameterCount)
        self.layout = layout
        self.transfer = transfer
        self.connection = connection
        self.driver = driver
    }

    /// Goes on by itself until all is sent or the client is gone. The connection is taken for parameters by then.
    func start() { connection.whenDrained { self.next() } }

    private func next() {
        guard connection.isOpen, block < shape.blockCount else { return connection.endSending() }
        let (source, range, block) = (source, shape.values(ofBlock: block), block)
        driver.workers.submit(
            { OutgoingState.read(source, block, count: range.count) },
            completion: { [self] result in
                switch result {
                case .success(let bytes):
                    send(bytes, of: range)
                    self.block += 1
                    connection.whenDrained { self.next() }
                case .failure(let error):
                    // Half a state must not be used: without its end the client sees a broken connection.
                    driver.report(.file(error))
                    connection.close()
                }
            })
    }

    private static func read(
        _ source: any ParameterSource, _ block: Int, count: Int
    ) -> Swift.Result<[UInt8], FileError> {
        var failure: FileError?
        let values = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(FileError) {
                try source.readBlock(block, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
                filled = count
            } catch {
                failure = error
            }
        }
        if let failure { return .failure(failure) }
        return .success(values.flatMapBytes())
    }

    /// Cuts a block at the borders of tensors.
    private func send(_ bytes: [UInt8], of range: Range<Int>) {
        var position = range.lowerBound
        while position < range.upperBound {
            let (index, values) = place(of: position)
            let end = min(values.upperBound, range.upperBound, position + OutgoingState.frameElements)
            let start = 4 * (position - range.lowerBound)
            connection.send(
                TensorFrame(
                    transfer: transfer, kind: .parameters, tensorIndex: UInt32(index),
                    offset: UInt64(position - values.lowerBound),
                    bytes: Array(bytes[start..<start + 4 * (end - position)])))
            position = end
        }
    }

    /// The tensor that a value belongs to, and its values.
    private func place(of position: Int) -> (index: Int, values: Range<Int>) {
        guard position < layout.parameterCount else {
            return (layout.tensors.count, layout.parameterCount..<source.parameterCount)
        }
        let index = layout.chunk(at: layout.chunkIndex(containing: position)).tensor
        return (index, layout.tensors[index].range)
    }
}

extension [Float] {
    /// The little-endian bytes of all elements.
    fileprivate func flatMapBytes() -> [UInt8] {
        #if _endian(big)
            return flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init) }
        #else
            return withUnsafeBytes { [UInt8]($0) }
        #endif
    }
}
