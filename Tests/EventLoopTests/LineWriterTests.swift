import Glibc
import Testing

@testable import EventLoop

/// A pipe that nobody reads and that takes nothing more.
private struct FullPipe {
    let reader: Int32
    let writer: Int32
    let fillerBytes: Int

    init() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        (reader, writer) = (ends[0], ends[1])
        let flags = fcntl(writer, F_GETFL)
        _ = fcntl(writer, F_SETFL, flags | O_NONBLOCK)
        var filled = 0
        let block = [UInt8](repeating: UInt8(ascii: "."), count: 4096)
        while case let put = write(writer, block, block.count), put > 0 { filled += put }
        fillerBytes = filled
        _ = fcntl(writer, F_SETFL, flags)
    }

    /// Reads what was written after the filler, until it reports so many lines as dropped, in one notice or in several:
    /// each batch that the writer takes ends with a notice of its own.
    func read(untilDropped count: Int) throws -> (lines: [String], dropped: Int) {
        var bytes: [UInt8] = []
        while true {
            let lines = String(decoding: bytes.dropFirst(fillerBytes), as: UTF8.self)
                .split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
            let notices = lines.compactMap { $0.hasPrefix("dropped ") ? Int($0.dropFirst(8)) : nil }
            let dropped = notices.reduce(0, +)
            if dropped >= count { return (lines.filter { !$0.hasPrefix("dropped ") }, dropped) }
            var entry = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            try #require(poll(&entry, 1, 60_000) == 1, "only \(dropped) of \(count) are reported")
            var part = [UInt8](repeating: 0, count: 65536)
            let got = Glibc.read(reader, &part, part.count)
            try #require(got > 0)
            bytes += part[..<got]
        }
    }

    func close() {
        Glibc.close(reader)
        Glibc.close(writer)
    }
}

struct LineWriterTests {
    @Test("A full pipe never holds the caller up; what does not fit is dropped, counted and reported")
    func dropsWhenFull() throws {
        let pipe = try FullPipe()
        defer { pipe.close() }
        let writer = LineWriter(descriptor: pipe.writer, linesMaximum: 16) { "dropped \($0)" }
        let taken = (0..<100).filter { writer.append("line \($0)") }
        #expect(taken.count <= 32)
        #expect(writer.droppedCount == UInt64(100 - taken.count))
        #expect(!writer.flush(timeoutMilliseconds: 1))

        let written = try pipe.read(untilDropped: 100 - taken.count)
        #expect(written.lines == taken.map { "line \($0)" })
        #expect(written.dropped == 100 - taken.count)
        #expect(writer.flush(timeoutMilliseconds: 60_000))
    }

    @Test("The queue is bounded in bytes too")
    func boundsBytes() throws {
        let pipe = try FullPipe()
        defer { pipe.close() }
        let writer = LineWriter(descriptor: pipe.writer, bytesMaximum: 1000) { "dropped \($0)" }
        let line = String(repeating: "x", count: 300)
        let taken = (0..<50).filter { _ in writer.append(line) }.count
        #expect(taken <= 6)
        #expect(writer.droppedCount == UInt64(50 - taken))
        // The descriptor is closed only once the writer is done with it.
        #expect(try pipe.read(untilDropped: 50 - taken).lines.count == taken)
        #expect(writer.flush(timeoutMilliseconds: 60_000))
    }

    @Test("A flush waits for every line that was taken")
    func flushes() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let writer = LineWriter(descriptor: ends[1]) { "dropped \($0)" }
        for index in 0..<100 { writer.append("line \(index)") }
        #expect(writer.flush(timeoutMilliseconds: 60_000))
        var part = [UInt8](repeating: 0, count: 65536)
        let got = read(ends[0], &part, part.count)
        #expect(String(decoding: part[..<max(0, got)], as: UTF8.self).split(separator: "\n").count == 100)
    }

    @Test("A reader that is gone costs lines, never the process")
    func survivesClosedReader() throws {
        try withLoop { _ in }  // ignores SIGPIPE
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        close(ends[0])
        defer { close(ends[1]) }
        let writer = LineWriter(descriptor: ends[1]) { "dropped \($0)" }
        writer.append("into nothing")
        #expect(writer.flush(timeoutMilliseconds: 60_000))
        #expect(writer.droppedCount == 1)
    }
}
