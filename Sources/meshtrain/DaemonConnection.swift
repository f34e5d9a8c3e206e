import Control

/// One connection to the daemon's trainer socket, which keeps what the daemon tells. Not for concurrent use.
final class DaemonConnection {
    private let client: ControlClient
    private var lastTransfer: UInt32 = 0
    /// The newest version that the daemon told of and nobody took yet.
    private var announced: RoundVersion?
    /// Until when a contribution to this version is in time, as the daemon told last.
    private var closing: (version: DigestText, told: Duration, deadline: ContinuousClock.Instant)?

    init(path: String) throws {
        client = try ControlClient(path: path, answerMilliseconds: 120_000)
        client.onNotification = { [unowned self] in keep($0) }
    }

    /// Asks, and waits for the answer.
    ///
    /// - Throws: what `ControlClient` throws.
    func call<Method: ControlMethod>(_ method: Method) throws -> Method.Response { try client.call(method) }

    /// A number for a transfer, unique on this connection.
    func newTransfer() -> UInt32 {
        lastTransfer += 1
        return lastTransfer
    }

    func send(_ frame: Frame) throws { try client.send(frame) }

    /// The next tensor frame of a transfer.
    func tensorFrame() throws -> TensorFrame { try client.tensorFrame() }

    /// How long a contribution to this version is in time; nil while the daemon has not told. What has arrived by
    /// `takeAnnouncedVersion` counts.
    ///
    /// - Returns: `remaining` from now, `told` when the daemon told of it.
    func timeUntilClosing(of version: DigestText) -> (remaining: Duration, told: Duration)? {
        guard let closing, closing.version == version else { return nil }
        return (closing.deadline - .now, closing.told)
    }

    /// A version that was announced since the last call, without waiting.
    func takeAnnouncedVersion() throws -> RoundVersion? {
        while try client.waitForNotification(timeoutMilliseconds: 0) {}
        defer { announced = nil }
        return announced
    }

    /// Waits for the next version, as long as it takes.
    func nextVersion() throws -> RoundVersion {
        while true {
            if let version = try takeAnnouncedVersion() { return version }
            _ = try client.waitForNotification(timeoutMilliseconds: 60_000)
        }
    }

    private func keep(_ notification: ControlNotification) {
        switch notification {
        case .version(let version): announced = version
        case .closing(let closing):
            let told = Duration.milliseconds(closing.milliseconds)
            self.closing = (closing.version, told, .now + told)
        }
    }
}
