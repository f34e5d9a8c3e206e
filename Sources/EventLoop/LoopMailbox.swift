import System

/// Values from other threads, delivered on the loop's thread: all of them, once each, in the order in which they were
/// posted.
public final class LoopMailbox<Message: Sendable> {
    /// What other threads hold.
    public final class Sender: Sendable {
        fileprivate let messages = Guarded<[Message]>([])
        fileprivate let wakeup: AsyncWakeup.Sender

        fileprivate init(wakeup: AsyncWakeup.Sender) {
            self.wakeup = wakeup
        }

        /// Hands a value over; false where the mailbox is closed. May be called on any thread, the loop's included.
        @discardableResult
        public func post(_ message: Message) -> Bool {
            messages.withLock { $0.append(message) }
            return wakeup.wake()
        }
    }

    public let sender: Sender
    private let wakeup: AsyncWakeup

    /// - Parameters:
    ///   - onClose: called once, when the mailbox begins to close, also by `EventLoop.close`.
    ///   - handler: called on the loop's thread with each value.
    public init(loop: EventLoop, onClose: (() -> Void)? = nil, _ handler: @escaping (Message) -> Void)
        throws(LoopError)
    {
        let delivery = Delivery<Message>(handler)
        wakeup = try AsyncWakeup(loop: loop, onClose: onClose) { delivery.deliver() }
        sender = Sender(wakeup: wakeup.sender)
        delivery.sender = sender
        delivery.wakeup = wakeup
    }

    /// Ends delivery; what was posted and not yet delivered is dropped.
    public func close() { wakeup.close() }

    /// Whether the loop runs on while the mailbox is open.
    public var keepsLoopAlive: Bool {
        get { wakeup.keepsLoopAlive }
        set { wakeup.keepsLoopAlive = newValue }
    }

    private final class Delivery<Value: Sendable> {
        var sender: LoopMailbox<Value>.Sender?
        weak var wakeup: AsyncWakeup?
        let handler: (Value) -> Void

        init(_ handler: @escaping (Value) -> Void) {
            self.handler = handler
        }

        func deliver() {
            guard let sender else { return }
            let messages = sender.messages.withLock { queue in
                let taken = queue
                queue = []
                return taken
            }
            for message in messages {
                // The handler of an earlier value may have closed the mailbox.
                guard let wakeup, !wakeup.isClosing else { return }
                handler(message)
            }
        }
    }
}
