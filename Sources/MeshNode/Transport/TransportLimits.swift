/// The limits of protocol.md "Link" that the shell enforces; the session's own are in `LinkLimits`.
enum TransportLimits {
    /// Accepted connections whose handshake is under way.
    static let acceptedHandshakesMaximum = 512
    /// Of one remote host (IPv4 address or IPv6 /64): so many connections at once, and so many more each second.
    static let bucketSize = 64.0
    static let bucketRefillPerSecond = 8.0
    /// Hosts that have a bucket of their own.
    static let bucketsMaximum = 4096
    /// Bytes received and not yet checked and written: of one peer, and of all.
    static let receiveBytesPerPeer = 32 << 20
    static let receiveBytesInAll = 256 << 20
    /// Bytes of pieces that wait for one peer. What it asks for beyond that it does not get, and asks again.
    static let pieceBytesPerPeer = 32 << 20
    /// Frames are sealed only while less than this waits in the socket, so that control overtakes pieces.
    static let socketHighWaterBytes = 1 << 18
    /// The system takes no more than this ahead of the line, so that control does not wait behind pieces there either.
    static let socketUnsentBytes: Int32 = 1 << 17
    /// Control messages that wait for a peer that does not read; beyond it the link is closed.
    static let controlBytesPerPeer = 64 << 20
    /// The share of one link in one turn of the loop: messages and pieces that are handled, signatures that are computed
    /// for them, and the loop's time. The share ends when one of these limits is reached. The rest waits for the next turn,
    /// and until then nothing more is read from that link: so a flood slows down its sender and not the other links.
    static let messagesPerTurn = 64
    static let signaturesPerTurn: UInt64 = 64
    static let nanosecondsPerTurn: UInt64 = 2_000_000
    /// Messages of one link whose signatures are checked on other threads at a time. The loop decodes all of them before, so
    /// their bytes are limited too; a single message may have more.
    static let messagesPerCheck = 8
    static let bytesPerCheck = 32 << 10
    static let dialTimeoutMilliseconds: UInt64 = 5_000
    /// Addresses of one name that a dial tries; the next dial goes on with the others.
    static let addressesPerDial = 8
    /// Dials under way, up to their link.
    static let dialsMaximum = 64
    /// Addresses on one member's word that are dialled for the first time: so many at once, then one per so long.
    static let announcedDialsMaximum = 16
    static let announcedDialMilliseconds: UInt64 = 5_000
    static let backoffFirstMilliseconds: UInt64 = 200
    static let backoffMaximumMilliseconds: UInt64 = 15_000
    static let tickMilliseconds: UInt64 = 250
    /// So many ticks a side of another network may take to say which it is of.
    static let hintTicksMaximum = 12
}
