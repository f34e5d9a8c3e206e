/// Where a member can be reached. Signed by its node key and gossiped; the highest sequence number wins.
public struct AddressRecord: Statement, Hashable {
    public static let tag = "address"

    public let member: MemberID
    /// Each `host:port`, `[v6]:port`.
    public let addresses: [String]
    public let sequence: UInt64

    public init(member: MemberID, addresses: [String], sequence: UInt64) {
        self.member = member
        self.addresses = addresses
        self.sequence = sequence
    }

    public var cbor: CBOR {
        .record([
            "member": member.cbor, "addresses": .array(addresses.map { .text($0) }), "sequence": .unsigned(sequence),
        ])
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        member = try reader.identity("member")
        addresses = try reader.addresses("addresses")
        sequence = try reader.unsigned("sequence")
        try reader.finish()
    }
}

extension RecordReader {
    mutating func addresses(_ key: String) throws(RecordError) -> [String] {
        var addresses: [String] = []
        for item in try array(key, limit: Limits.addresses) {
            guard case .text(let text) = item else { throw .wrongType(key: key) }
            guard (1...Limits.addressBytes).contains(text.utf8.count),
                text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
            else { throw .outOfRange(key: key) }
            addresses.append(text)
        }
        return addresses
    }
}
