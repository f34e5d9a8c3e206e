import Control
import Foundation
import TestKit

/// A client of a daemon's control socket that keeps the versions that are announced.
final class DaemonClient {
    private let client: ControlClient
    private(set) var versions: [RoundVersion] = []

    /// - Parameter path: a daemon that takes or answers nothing for two minutes fails the test, and does not hold it.
    private init(path: String) throws {
        client = try ControlClient(path: path, answerMilliseconds: 120_000)
        client.onNotification = { [unowned self] in
            if case .version(let version) = $0 { versions.append(version) }
        }
    }

    /// Connects as soon as a daemon listens there.
    static func connect(to path: String, seconds: Double = 30) throws -> DaemonClient {
        var client: DaemonClient?
        try Condition.wait(for: "the socket \(path)", seconds: seconds) {
            client = try DaemonClient(path: path)
            return true
        }
        return client!
    }

    func request<Method: ControlMethod>(_ method: Method) throws -> Method.Response { try client.call(method) }

    func send(_ frame: TensorFrame) throws { try client.send(try frame.frame()) }

    func send(raw bytes: [UInt8]) throws { try client.send(bytes: bytes) }

    /// Waits for so many bytes in tensor frames.
    func tensorBytes(count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count { bytes += try client.tensorFrame().bytes }
        return bytes
    }

    /// Waits for a version beyond `height`; nil where none came in time.
    func nextVersion(after height: Int64, seconds: Double) throws -> RoundVersion? {
        let deadline = Date().addingTimeInterval(seconds)
        while true {
            if let version = versions.last(where: { $0.height > height }) { return version }
            let rest = deadline.timeIntervalSinceNow
            guard rest > 0 else { return nil }
            _ = try client.waitForNotification(timeoutMilliseconds: UInt64(rest * 1000) + 1)
        }
    }
}
