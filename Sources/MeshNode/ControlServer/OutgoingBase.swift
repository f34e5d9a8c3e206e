import Control
import Crypto
import Tensor

/// A base version on its way to the trainer: a block in memory at a time, each held against its Merkle leaf when it is
/// read, and read only once the trainer has taken the one before.
final class OutgoingBase {
    private let file: ParameterFile
    private let layout: ParameterLayout
    private let transfer: UInt32
    private let connection: ControlConnection
    private let keeper: Keeper
    private var block = 0

    /// Elements in one frame.
    private static let frameElements = TensorFrame.limitBytes / 4

    init(
        file: ParameterFile, layout: ParameterLayout, transfer: UInt32, connection: ControlConnection, keeper: Keeper
    ) {
        self.file = file
        self.layout = layout
        self.transfer = transfer
        self.connection = connection
        self.keeper = keeper
    }

    /// Goes on by itself until all is sent or the client is gone. The connection is taken for parameters by then.
    func start() { connection.whenDrained { self.next() } }

    private func next() {
        guard connection.isOpen, block < file.shape.parameterBlockCount else { return connection.endSending() }
        let (file, block) = (file, block)
        keeper.workers.submit(
            { () -> Swift.Result<[UInt8], ParameterFileError> in OutgoingBase.read(file, block) },
            completion: { [self] result in
                switch result {
                case .success(let bytes):
                    send(bytes)
                    self.block += 1
                    connection.whenDrained { self.next() }
                case .failure(let error):
                    // Half a base must not be trained from: without its end the trainer sees a broken connection.
                    keeper.report(StoreError(error))
                    connection.close()
                }
            })
    }

    private static func read(_ file: ParameterFile, _ block: Int) -> Swift.Result<[UInt8], ParameterFileError> {
        let count = file.shape.values(ofBlock: block).count
        var failure: ParameterFileError?
        let values = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(ParameterFileError) {
                try file.readBlock(block, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
                filled = count
            } catch {
                failure = error
            }
        }
        if let failure { return .failure(failure) }
        return .success(values.flatMapBytes())
    }

    /// Cuts a block at the borders of tensors.
    private func send(_ bytes: [UInt8]) {
        let range = file.shape.values(ofBlock: block)
        var position = range.lowerBound
        while position < range.upperBound {
            let chunk = layout.chunk(at: layout.chunkIndex(containing: position))
            let tensor = layout.tensors[chunk.tensor]
            let end = min(tensor.range.upperBound, range.upperBound, position + OutgoingBase.frameElements)
            let start = 4 * (position - range.lowerBound)
            connection.send(
                TensorFrame(
                    transfer: transfer, kind: .parameters, tensorIndex: UInt32(chunk.tensor),
                    offset: UInt64(position - tensor.offset),
                    bytes: Array(bytes[start..<start + 4 * (end - position)])))
            position = end
        }
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
