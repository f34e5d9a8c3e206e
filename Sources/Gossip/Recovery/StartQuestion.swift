import Crypto
import Ledger

/// One life of a daemon: 32 random bytes, drawn anew at every start.
struct InstanceID: Hashable {
    let digest: Digest

    init(_ digest: Digest) { self.digest = digest }

    init(random: inout SeededRandom) {
        guard let digest = Digest(bytes: random.secret(count: Digest.byteCount).withUnsafeBytes({ Array($0) })) else {
            preconditionFailure("a digest has \(Digest.byteCount) bytes")
        }
        self.digest = digest
    }
}

/// What a member asks on every link: which of its signatures others hold, and how far they are. The instance is the
/// question's nonce too: an answer to an earlier start says nothing about this one.
struct StartQuestion: Hashable {
    let member: MemberID
    let instance: InstanceID
    /// Whether the receiver is to ask those that it is linked with on the member's behalf: not all reach each other.
    let isForPassingOn: Bool

    /// How often a peer passes it on to those alone that have no link to the member: in a large mesh everybody's answers
    /// through everybody would be the square of the members.
    static let passingsToTheUnlinked = 2
}

extension StartQuestion {
    var cbor: CBOR {
        .array([.bytes(member.digest.bytes), .bytes(instance.digest.bytes), .boolean(isForPassingOn)])
    }

    init(cbor: CBOR) throws(RecordError) {
        guard case .array(let items) = cbor, items.count == 3, case .bytes(let member) = items[0],
            case .bytes(let instance) = items[1], case .boolean(let isForPassingOn) = items[2],
            let memberDigest = Digest(bytes: member), let instanceDigest = Digest(bytes: instance)
        else { throw .wrongType(key: "question") }
        self.init(
            member: MemberID(memberDigest), instance: InstanceID(instanceDigest), isForPassingOn: isForPassingOn)
    }
}
