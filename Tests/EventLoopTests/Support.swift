import Glibc
import Testing

@testable import EventLoop

/// Runs `body` with a loop of its own, closes the loop afterwards, and so checks that every handle ended.
func withLoop(_ body: (EventLoop) throws -> Void) throws {
    let loop = try EventLoop()
    defer { loop.close() }
    try body(loop)
}

/// Runs until `condition`, or fails the test after a time that no healthy machine needs.
func run(_ loop: EventLoop, until condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let guardTimer = try LoopTimer(loop: loop)
    var isOver = false
    guardTimer.start(afterMilliseconds: 60000) { isOver = true }
    loop.run(until: { condition() || isOver })
    guardTimer.close()
    #expect(!isOver, "the condition never held", sourceLocation: sourceLocation)
}

/// A folder of its own for the sockets of a test, short enough for a socket path.
func withFolder(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/loopXXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } }
    let path = String(cString: try #require(made))
    defer {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink(path + "/" + name)
            }
            closedir(folder)
        }
        rmdir(path)
    }
    try body(path)
}

/// Two ends of one TCP connection over loopback.
func connectedPair(_ loop: EventLoop, host: String = "127.0.0.1") throws -> (TCPConnection, TCPConnection) {
    var accepted: TCPConnection?
    var connected: TCPConnection?
    let listener = try TCPListener(loop: loop, address: SocketAddress(host: host, port: 0)) { accepted = $0 }
    let address = try #require(listener.localAddress)
    try TCPConnection.connect(loop: loop, to: address, timeoutMilliseconds: 30000) { connected = try? $0.get() }
    try run(loop, until: { accepted != nil && connected != nil })
    listener.close()
    return (try #require(accepted), try #require(connected))
}

/// Collects what a stream delivers.
final class Collector {
    var bytes: [UInt8] = []
    var reasons: [CloseReason] = []

    init(_ stream: ByteStream) {
        stream.onBytes = { self.bytes.append(contentsOf: $0) }
        stream.onClosed = { self.reasons.append($0) }
        stream.startReading()
    }
}
