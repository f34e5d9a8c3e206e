import EventLoop

/// One request per turn of the loop for all control clients together, in the order in which they ask, so that clients that
/// ask without a pause slow down each other and not the mesh.
final class ControlTurns {
    private let timer: LoopTimer
    private var waiting: [ControlConnection] = []
    /// Who may have one request handled now.
    private var granted: ControlConnection?
    /// Whether a request was handled in this turn.
    private var isTaken = false
    private var isClosed = false

    init(loop: EventLoop) throws(LoopError) { timer = try LoopTimer(loop: loop) }

    /// Whether the client may have a request handled now. If not, its `takeTurn` is called in a later turn.
    func take(_ client: ControlConnection) -> Bool {
        guard !isClosed else { return false }
        if granted === client {
            granted = nil
            return true
        }
        if !isTaken, waiting.isEmpty {
            begin()
            return true
        }
        if !waiting.contains(where: { $0 === client }) { waiting.append(client) }
        return false
    }

    func close() {
        isClosed = true
        waiting = []
        timer.close()
    }

    private func begin() {
        isTaken = true
        // Not 0: libuv runs a timer that its own callback arms for now in the same turn.
        timer.start(afterMilliseconds: 1) { [weak self] in self?.next() }
    }

    private func next() {
        isTaken = false
        waiting.removeAll { !$0.isOpen }
        guard !waiting.isEmpty else { return }
        let client = waiting.removeFirst()
        begin()
        granted = client
        client.takeTurn()
        granted = nil
    }
}
