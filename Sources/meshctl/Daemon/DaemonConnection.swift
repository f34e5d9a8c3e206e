import Control
import EventLoop

/// One connection to a daemon's operator or auditor socket, whose errors are those of a verb. Not for concurrent use.
final class DaemonConnection {
    private let client: ControlClient
    private let path: String

    init(path: String) throws {
        self.path = path
        do throws(LoopError) {
            client = try ControlClient(path: path)
        } catch .connect(_, let code) where code == .noSuchFile || code == .connectionRefused {
            throw Failure("no daemon listens on \(path)", advice: "Is meshnode running? Try: meshctl doctor")
        } catch .connect(_, let code) where code == .permissionDenied {
            throw Failure(
                "this account may not use \(path)",
                advice:
                    "The operator socket is for the daemon's user and for the group that [sockets] operator_group names."
            )
        } catch {
            throw Failure(error.description)
        }
    }

    /// Asks, and waits for the answer.
    func ask<Method: ControlMethod>(_ method: Method) throws -> Method.Response {
        do {
            return try client.call(method)
        } catch let refusal as ControlRefusal {
            throw Failure("the daemon refuses: \(refusal.message) (\(refusal.reason.rawValue))")
        } catch let error as LoopError {
            throw Failure("the daemon on \(path) does not answer: \(error)")
        } catch ControlClientError.closed {
            throw Failure("the daemon on \(path) closed the connection")
        } catch {
            throw Failure("the daemon on \(path) sent what the schema does not allow: \(error)")
        }
    }

    /// The frames of a transfer, in order, until `byteCount` bytes of them have come.
    ///
    /// - Parameters:
    ///   - isNext: whether a frame continues what came before it.
    ///   - take: gets the bytes of each.
    func receive(
        transfer: Int64, kind: TensorFrameKind, byteCount: Int64, isNext: (TensorFrame) -> Bool,
        take: (TensorFrame) throws -> Void
    ) throws {
        var received: Int64 = 0
        while received < byteCount {
            let tensor: TensorFrame
            do {
                tensor = try client.tensorFrame()
            } catch {
                throw Failure("the transfer broke off after \(received) of \(byteCount) bytes: \(error)")
            }
            guard Int64(tensor.transfer) == transfer, tensor.kind == kind, !tensor.bytes.isEmpty, isNext(tensor),
                Int64(tensor.bytes.count) <= byteCount - received
            else { throw Failure("the daemon sent data out of order") }
            try take(tensor)
            received += Int64(tensor.bytes.count)
        }
    }
}
