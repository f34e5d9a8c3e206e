import Glibc
import Testing

@testable import EventLoop

@Suite struct PipeTests {
    @Test(arguments: [(PipeListener.Access.owner, mode_t(0o600)), (.ownerAndGroup(nil), 0o660)])
    func theSocketFileHasItsModeAndGoesAtClose(access: PipeListener.Access, mode: mode_t) throws {
        try withFolder { folder in
            let path = folder + "/s"
            try withLoop { loop in
                let listener = try PipeListener(loop: loop, path: path, access: access) { $0.close() }
                var status = stat()
                #expect(lstat(path, &status) == 0)
                #expect(status.st_mode & 0o7777 == mode)
                #expect(status.st_mode & S_IFMT == S_IFSOCK)
                listener.close()
            }
            #expect(Glibc.access(path, F_OK) != 0)
        }
    }

    @Test func bytesCrossAUnixSocket() throws {
        try withFolder { folder in
            try withLoop { loop in
                var server: Collector?
                var accepted: PipeConnection?
                let listener = try PipeListener(loop: loop, path: folder + "/s") {
                    accepted = $0
                    server = Collector($0)
                }
                var client: Collector?
                let payload = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
                try PipeConnection.connect(loop: loop, to: listener.path, timeoutMilliseconds: 30000) { result in
                    guard let connection = try? result.get() else { return }
                    client = Collector(connection)
                    connection.write(payload)
                }
                try run(loop, until: { server?.bytes.count == payload.count })
                #expect(server?.bytes == payload)
                accepted?.write([1, 2])
                accepted?.closeAfterWrites()
                try run(loop, until: { client?.reasons.isEmpty == false })
                #expect(client?.bytes == [1, 2])
                #expect(client?.reasons == [.endOfStream])
            }
        }
    }

    @Test func aStaleSocketFileIsReplaced() throws {
        try withFolder { folder in
            let path = folder + "/s"
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            let bound = UnixSocketPath.withSockaddr(path) { bind(descriptor, $0, $1) }
            close(descriptor)
            #expect(bound == 0)
            try withLoop { loop in
                var count = 0
                let listener = try PipeListener(loop: loop, path: path) {
                    count += 1
                    $0.close()
                }
                let socket = try BlockingSocket(path: listener.path)
                try run(loop, until: { count == 1 })
                listener.close()
                #expect(try socket.read(timeoutMilliseconds: 30000).isEmpty)
            }
        }
    }

    @Test func aSocketThatSomebodyListensOnIsLeftAlone() throws {
        try withFolder { folder in
            try withLoop { loop in
                let path = folder + "/s"
                let first = try PipeListener(loop: loop, path: path) { $0.close() }
                #expect(throws: LoopError.socketInUse(path: path)) {
                    try PipeListener(loop: loop, path: path) { $0.close() }
                }
                #expect(Glibc.access(path, F_OK) == 0)
                first.close()
            }
        }
    }

    @Test func aFileThatIsNoSocketIsLeftAlone() throws {
        try withFolder { folder in
            try withLoop { loop in
                let path = folder + "/s"
                close(open(path, O_CREAT | O_WRONLY, 0o600))
                #expect(throws: LoopError.notASocket(path: path)) {
                    try PipeListener(loop: loop, path: path) { $0.close() }
                }
                #expect(Glibc.access(path, F_OK) == 0)
            }
        }
    }

    @Test func pathsThatTheSystemCannotTakeAreRefused() throws {
        try withLoop { loop in
            let long = "/tmp/" + String(repeating: "x", count: 103)
            #expect(throws: LoopError.pathTooLong(path: long, limitBytes: 107)) {
                try PipeListener(loop: loop, path: long) { $0.close() }
            }
            #expect(throws: LoopError.pathTooLong(path: long, limitBytes: 107)) { try BlockingSocket(path: long) }
            #expect(throws: LoopError.self) { try PipeListener(loop: loop, path: "") { $0.close() } }
            #expect(throws: LoopError.self) { try PipeListener(loop: loop, path: "a\u{0}b") { $0.close() } }
        }
    }

    @Test func aMissingSocketIsNamed() throws {
        try withFolder { folder in
            let path = folder + "/none"
            #expect(throws: LoopError.connect(path, .noSuchFile)) { try BlockingSocket(path: path) }
            try withLoop { loop in
                var errors: [LoopError?] = []
                try PipeConnection.connect(loop: loop, to: path, timeoutMilliseconds: 30000) {
                    errors.append($0.error)
                }
                loop.run()
                #expect(errors == [.connect(path, .noSuchFile)])
            }
        }
    }

    @Test func aBlockingSocketAsksAndIsAnswered() throws {
        try withFolder { folder in
            try withLoop { loop in
                let listener = try PipeListener(loop: loop, path: folder + "/s") { connection in
                    connection.onBytes = { connection.write($0) }
                    connection.startReading()
                }
                let path = listener.path
                let pool = try WorkerPool(loop: loop, threads: 1)
                var answer: [UInt8]?
                let payload = (0..<400_000).map { UInt8(truncatingIfNeeded: $0 &* 5) }
                pool.submit({ () -> [UInt8] in
                    guard let socket = try? BlockingSocket(path: path) else { return [] }
                    var received: [UInt8] = []
                    for start in stride(from: 0, to: payload.count, by: 50_000) {
                        try? socket.write(Array(payload[start..<start + 50_000]), timeoutMilliseconds: 30000)
                        while received.count < start + 50_000 {
                            guard let bytes = try? socket.read(timeoutMilliseconds: 30000), !bytes.isEmpty else {
                                return received
                            }
                            received += bytes
                        }
                    }
                    return received
                }) { answer = $0 }
                try run(loop, until: { answer != nil })
                #expect(answer == payload)
            }
        }
    }

    @Test func aBlockingSocketGivesUpWhenNobodyAnswersOrReads() throws {
        try withFolder { folder in
            try withLoop { loop in
                let listener = try PipeListener(loop: loop, path: folder + "/s") { $0.close() }
                let socket = try BlockingSocket(path: listener.path)
                #expect(throws: LoopError.timedOut(milliseconds: 5)) { try socket.read(timeoutMilliseconds: 5) }
                #expect(throws: LoopError.timedOut(milliseconds: 5)) {
                    try socket.write([UInt8](repeating: 0, count: 1 << 24), timeoutMilliseconds: 5)
                }
            }
        }
    }
}
