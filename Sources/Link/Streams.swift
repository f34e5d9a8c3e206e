/// The sending end of one of a link's two streams: whole messages in, frames' plaintexts out.
struct OutgoingStream<Header: StreamHeader> {
    private struct Message {
        let header: Header
        let bytes: [UInt8]
        /// How many of the bytes are in frames already.
        var position = 0
    }

    private var arrived: [Message] = []
    /// What arrived before, newest first.
    private var next: [Message] = []
    private var current: Message?

    /// Bytes of messages that are in no frame yet.
    private(set) var pendingBytes = 0

    mutating func enqueue(_ header: Header, _ bytes: [UInt8]) {
        precondition(header.byteCount == bytes.count)
        pendingBytes += bytes.count
        arrived.append(Message(header: header, bytes: bytes))
    }

    /// The plaintext of the next frame, nil where nothing is queued.
    mutating func nextFragment() -> [UInt8]? {
        guard var message = current ?? popFirst() else { return nil }
        let isFirst = message.position == 0
        var plaintext = [(isFirst ? Header.begin : Header.continuation).rawValue]
        if isFirst { plaintext += message.header.encoded }
        let room = LinkLimits.plaintextBytesMaximum - plaintext.count
        let fragment = message.bytes[message.position...].prefix(room)
        plaintext.reserveCapacity(plaintext.count + fragment.count)
        plaintext += fragment
        message.position += fragment.count
        pendingBytes -= fragment.count
        current = message.position < message.bytes.count ? message : nil
        return plaintext
    }

    private mutating func popFirst() -> Message? {
        if next.isEmpty {
            swap(&next, &arrived)
            next.reverse()
        }
        return next.popLast()
    }
}

/// The receiving end of one of a link's two streams: fragments in, whole messages out.
///
/// Holds one incomplete message, and of that only bytes that really came.
struct IncomingStream<Header: StreamHeader> {
    private var header: Header?
    private var bytes: [UInt8] = []

    var bufferedBytes: Int { bytes.count }

    /// A first fragment, after its kind. Returns the message where it is complete.
    mutating func begin(_ body: ArraySlice<UInt8>) throws(LinkError) -> (Header, [UInt8])? {
        guard header == nil else { throw .interruptedMessage(kind: Header.begin.rawValue) }
        var rest = body
        let header = try Header(from: &rest)
        self.header = header
        return try append(rest, to: header, kind: Header.begin)
    }

    /// A further fragment, after its kind. Returns the message where it is complete.
    mutating func resume(_ body: ArraySlice<UInt8>) throws(LinkError) -> (Header, [UInt8])? {
        guard let header else { throw .orphanFragment(kind: Header.continuation.rawValue) }
        guard !body.isEmpty else { throw .emptyFragment(kind: Header.continuation.rawValue) }
        return try append(body, to: header, kind: Header.continuation)
    }

    private mutating func append(
        _ fragment: ArraySlice<UInt8>, to header: Header, kind: FrameKind
    ) throws(LinkError) -> (Header, [UInt8])? {
        guard fragment.count <= header.byteCount - bytes.count else {
            throw .excessBytes(
                kind: kind.rawValue, byteCount: bytes.count + fragment.count, byteCountDeclared: header.byteCount)
        }
        bytes += fragment
        guard bytes.count == header.byteCount else { return nil }
        defer {
            self.header = nil
            bytes = []
        }
        return (header, bytes)
    }
}
