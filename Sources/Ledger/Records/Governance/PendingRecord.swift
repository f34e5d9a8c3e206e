/// A record as the journal keeps it while no version embeds it, with the height up to which it is worth keeping.
public struct PendingRecord<Body: Record & Equatable>: Record, Equatable {
    /// Of an action: the height that was being agreed on. Of a review: the height of the slot's base.
    public let height: Height
    public let body: Body

    public init(height: Height, body: Body) {
        self.height = height
        self.body = body
    }

    public var cbor: CBOR { .record(["height": .height(height), "body": body.cbor]) }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        height = try reader.height("height")
        body = try reader.record("body")
        try reader.finish()
    }
}
