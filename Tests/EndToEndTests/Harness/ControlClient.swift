import Control
import Foundation
import TestSupport

/// A client of the control socket that waits for each answer. Versions that are announced meanwhile are kept.
final class ControlClient {
    private let descriptor: Int32
    private var decoder = FrameDecoder()
    private var nextID: Int64 = 1
    private(set) var versions: [RoundVersion] = []
    private(set) var tensors: [TensorFrame] = []

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Connects as soon as somebody listens there.
    static func connect(to path: String, seconds: Double = 30) throws -> ControlClient {
        var client: ControlClient?
        try Condition.wait(for: "the socket \(path)", seconds: seconds) {
            client = try open(path)
            return true
        }
        return client!
    }

    private static func open(_ path: String) throws -> ControlClient {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        // A daemon that takes nothing fails the test, and does not hold it.
        var limit = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let status = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else {
            close(descriptor)
            throw TestError("cannot connect to \(path): errno \(errno)")
        }
        return ControlClient(descriptor: descriptor)
    }

    func request<Method: ControlMethod>(_ method: Method) throws -> Method.Response {
        let id = nextID
        nextID += 1
        try send(try Frame(kind: .message, payload: try ControlMessage.request(id: id, method)).bytes)
        while true {
            guard let reply = try receive(seconds: 60) else { throw TestError("no answer to \(Method.schema.name)") }
            switch reply {
            case .response(let answered, let result) where answered == id:
                return try result.decoded(for: Method.self)
            case .refusal(_, let refusal): throw refusal
            case .version(let version): versions.append(version)
            case .response, .closing: break
            }
        }
    }

    func send(_ frame: TensorFrame) throws { try send(try frame.frame().bytes) }

    func send(raw bytes: [UInt8]) throws { try send(bytes) }

    /// Waits for so many bytes in tensor frames and takes them.
    func tensorBytes(count: Int) throws -> [UInt8] {
        let deadline = Date().addingTimeInterval(120)
        while tensors.reduce(0, { $0 + $1.bytes.count }) < count {
            guard Date() < deadline else { throw TestError("waited in vain for \(count) bytes of tensors") }
            if case .version(let version)? = try receive(seconds: 0.1) { versions.append(version) }
        }
        defer { tensors = [] }
        return tensors.flatMap(\.bytes)
    }

    /// Waits for a version beyond `height`; nil where none came in time.
    func nextVersion(after height: Int64, seconds: Double) throws -> RoundVersion? {
        let deadline = Date().addingTimeInterval(seconds)
        while true {
            if let version = versions.last(where: { $0.height > height }) { return version }
            guard Date() < deadline else { return nil }
            if case .version(let version)? = try receive(seconds: 0.2) { versions.append(version) }
        }
    }

    private func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw TestError("the daemon is gone, or took nothing for two minutes") }
            sent += count
        }
    }

    /// The next message; tensor frames before it are kept. Nil where nothing came in time.
    private func receive(seconds: Double) throws -> ControlReply? {
        let deadline = Date().addingTimeInterval(seconds)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            while let frame = try decoder.next() {
                switch frame.kind {
                case .message: return try ControlReply.decode(frame.payload)
                case .tensor: tensors.append(try TensorFrame(payload: frame.payload))
                }
            }
            let rest = deadline.timeIntervalSinceNow
            guard rest > 0 else { return nil }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, Int32(min(rest, 60) * 1000) + 1) > 0 else { continue }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { throw TestError("the daemon closed the control socket") }
            decoder.append(Array(buffer[..<count]))
        }
    }
}
