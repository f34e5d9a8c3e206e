import Control
import Ledger
import System
import Tensor

/// A contribution while its frames arrive: a file of a size that is known from the start, filled from its beginning to
/// its end. What does not continue it is refused at the commit, by name.
final class IncomingTransfer {
    let id: Int64
    let base: VersionDigest
    let form: ContributionForm
    let byteCount: Int
    let path: String
    let file: File
    private(set) var receivedBytes = 0
    var failure: ControlRefusal?

    init(id: Int64, base: VersionDigest, form: ContributionForm, byteCount: Int, path: String) throws(FileError) {
        self.id = id
        self.base = base
        self.form = form
        self.byteCount = byteCount
        self.path = path
        file = try File.open(path, .create())
        try file.resize(to: 0)
    }

    func abandon() { File.remove(path) }

    /// Where in the file the frame's bytes belong; nil where they are refused.
    func take(_ frame: TensorFrame, layout: ParameterLayout) -> Int? {
        guard failure == nil else { return nil }
        guard let offset = place(frame, layout) else { return nil }
        guard offset == receivedBytes else {
            return refuse(.sizeMismatch, "frames come in order: expected byte \(receivedBytes), found \(offset)")
        }
        receivedBytes += frame.bytes.count
        return offset
    }

    private func place(_ frame: TensorFrame, _ layout: ParameterLayout) -> Int? {
        switch form {
        case .delta:
            guard frame.kind == .delta else { return refuse(.dtypeMismatch, "a delta comes in frames of kind delta") }
            guard frame.tensorIndex < layout.tensors.count else {
                return refuse(.unexpectedParameter, "tensor \(frame.tensorIndex) of \(layout.tensors.count)")
            }
            let tensor = layout.tensors[Int(frame.tensorIndex)]
            let elements = frame.bytes.count / 4
            guard frame.bytes.count.isMultiple(of: 4), frame.offset <= UInt64(tensor.count),
                elements <= tensor.count - Int(frame.offset)
            else {
                return refuse(.shapeMismatch, "\(tensor.name) has \(tensor.count) elements; the frame goes beyond")
            }
            return 4 * (tensor.offset + Int(frame.offset))
        case .encoded:
            guard frame.kind == .encoded, frame.tensorIndex == 0 else {
                return refuse(.dtypeMismatch, "an encoded contribution comes in frames of kind encoded")
            }
            guard frame.offset <= UInt64(byteCount), frame.bytes.count <= byteCount - Int(frame.offset) else {
                return refuse(.sizeMismatch, "more than the \(byteCount) bytes that were announced")
            }
            return Int(frame.offset)
        }
    }

    private func refuse(_ reason: ControlReason, _ message: String) -> Int? {
        failure = ControlRefusal(reason, message: message)
        return nil
    }

    /// Why the transfer cannot be committed; nil where it is complete.
    var refusal: ControlRefusal? {
        if let failure { return failure }
        guard receivedBytes == byteCount else {
            return ControlRefusal(
                .missingParameter, message: "\(receivedBytes) of \(byteCount) bytes came before the commit")
        }
        return nil
    }
}
