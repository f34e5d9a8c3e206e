import Glibc
import System

/// Writes lines to a descriptor on a thread of its own, so that the caller never waits for whoever reads them.
///
/// The queue is bounded. A line that finds it full is dropped and counted; the next line that is written after that is
/// preceded by a line that says how many are missing. Any thread may call.
public final class LineWriter: Sendable {
    private let core: Core

    /// - Parameters:
    ///   - descriptor: where lines go; it stays open as long as the writer.
    ///   - linesMaximum: lines that wait at most.
    ///   - bytesMaximum: bytes that wait at most.
    ///   - dropNotice: the line that reports a number of dropped lines.
    public init(
        descriptor: Int32, linesMaximum: Int = 4096, bytesMaximum: Int = 1 << 20,
        dropNotice: @escaping @Sendable (UInt64) -> String
    ) {
        precondition(linesMaximum > 0 && bytesMaximum > 0, "a queue has places")
        core = Core(
            descriptor: descriptor, linesMaximum: linesMaximum, bytesMaximum: bytesMaximum, dropNotice: dropNotice)
        core.startThread()
    }

    deinit { core.end() }

    /// Queues a line, without its line feed. Never waits.
    ///
    /// - Returns: false if the queue is full and the line was dropped.
    @discardableResult
    public func append(_ line: String) -> Bool { core.append(Array(line.utf8) + [0x0A]) }

    /// Lines that were dropped since the start, because the queue was full or the descriptor refused them.
    public var droppedCount: UInt64 { core.droppedCount }

    /// Waits until all lines are written, at most this long.
    ///
    /// - Returns: false if lines still wait.
    @discardableResult
    public func flush(timeoutMilliseconds: UInt64) -> Bool { core.flush(timeoutMilliseconds: timeoutMilliseconds) }
}

extension LineWriter {
    /// What the writer and its thread share. The thread keeps it alive while it is stuck in a write.
    private final class Core: Sendable {
        private struct State {
            var lines: [[UInt8]] = []
            var waitingBytes = 0
            /// Not reported yet.
            var unreported: UInt64 = 0
            var dropped: UInt64 = 0
            var isWriting = false
            var hasEnded = false
            /// The thread could not be started: nothing empties the queue.
            var hasNoThread = false
        }

        private let descriptor: Int32
        private let linesMaximum: Int
        private let bytesMaximum: Int
        private let dropNotice: @Sendable (UInt64) -> String
        private let state = Guarded(State())

        init(
            descriptor: Int32, linesMaximum: Int, bytesMaximum: Int,
            dropNotice: @escaping @Sendable (UInt64) -> String
        ) {
            self.descriptor = descriptor
            self.linesMaximum = linesMaximum
            self.bytesMaximum = bytesMaximum
            self.dropNotice = dropNotice
        }

        var droppedCount: UInt64 { state.withLock { $0.dropped } }

        func startThread() {
            do throws(LoopError) {
                try DetachedThread.start("that writes lines") { self.run() }
            } catch {
                // Without a thread every line counts as dropped.
                state.withLock { $0.hasNoThread = true }
            }
        }

        func append(_ line: [UInt8]) -> Bool {
            let isTaken = state.withLock { state in
                // Without a thread nobody would empty the queue.
                guard !state.hasNoThread, state.lines.count < linesMaximum,
                    state.waitingBytes + line.count <= bytesMaximum
                else {
                    state.dropped += 1
                    state.unreported += 1
                    return false
                }
                state.lines.append(line)
                state.waitingBytes += line.count
                return true
            }
            if isTaken { state.wake(all: true) }
            return isTaken
        }

        func end() {
            state.withLock { $0.hasEnded = true }
            state.wake(all: true)
        }

        func flush(timeoutMilliseconds: UInt64) -> Bool {
            state.wait(timeoutMilliseconds: timeoutMilliseconds) { state in
                state.lines.isEmpty && !state.isWriting && state.unreported == 0 ? true : nil
            } ?? false
        }

        private func run() {
            while let batch = next() {
                var refused: UInt64 = 0
                for line in batch where !write(line) { refused += 1 }
                state.withLock { state in
                    state.isWriting = false
                    state.dropped += refused
                }
                state.wake(all: true)
            }
        }

        /// All lines that wait; nil if the writer is gone and nothing waits.
        private func next() -> [[UInt8]]? {
            enum Taken {
                case lines([[UInt8]])
                case ended
            }
            let dropNotice = dropNotice
            let taken: Taken = state.wait { state in
                guard !state.lines.isEmpty || state.unreported > 0 else { return state.hasEnded ? .ended : nil }
                var lines = state.lines
                // The dropped lines came after those that waited.
                if state.unreported > 0 { lines.append(Array(dropNotice(state.unreported).utf8) + [0x0A]) }
                state.lines = []
                state.waitingBytes = 0
                state.unreported = 0
                state.isWriting = true
                return .lines(lines)
            }
            switch taken {
            case .lines(let lines): return lines
            case .ended: return nil
            }
        }

        /// False if the descriptor refused the line: nobody reads it any more, or its disk is full.
        private func write(_ line: [UInt8]) -> Bool {
            var done = 0
            while done < line.count {
                let put = line.withUnsafeBytes { buffer in
                    Glibc.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
                }
                if put > 0 {
                    done += put
                    continue
                }
                let code = errno
                if put < 0 && code == EINTR { continue }
                // Whoever started this process may have made the descriptor non-blocking.
                guard put < 0 && (code == EAGAIN || code == EWOULDBLOCK) else { return false }
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&entry, 1, -1)
            }
            return true
        }
    }
}
