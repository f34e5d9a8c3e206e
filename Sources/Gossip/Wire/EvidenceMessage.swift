import Crypto
import Ledger

/// How proofs of misbehaviour pass between two nodes.
enum EvidenceMessage: Equatable {
    case proof(Evidence)
    /// One of two ready records whose proof is too large for one message. The other follows on the same link.
    case half(Signed<Ready>)
    /// Names of proofs that the sender holds, strictly ascending: whoever sees that something lacks sends or asks for it.
    case held([Digest])
    /// Names of proofs that the sender asks for, strictly ascending.
    case want([Digest])

    static let namesMaximum = 1024

    private enum Code: UInt64 {
        case proof = 1
        case half, held, want
    }

    /// A proof as one message, or as two where one would be too large.
    static func messages(of evidence: Evidence) -> [Message] {
        let whole = Message.evidence(.proof(evidence))
        if case .ready(let first, let second) = evidence, whole.encoded.count > Wire.messageBytesMaximum {
            return [.evidence(.half(first)), .evidence(.half(second))]
        }
        return [whole]
    }

    var cbor: CBOR {
        let (code, body): (Code, CBOR) =
            switch self {
            case .proof(let evidence): (.proof, evidence.cbor)
            case .half(let ready): (.half, ready.cbor)
            case .held(let names): (.held, .array(names.map { .bytes($0.bytes) }))
            case .want(let names): (.want, .array(names.map { .bytes($0.bytes) }))
            }
        return .array([.unsigned(code.rawValue), body])
    }

    init(cbor: CBOR) throws(RecordError) {
        guard case .array(let parts) = cbor, parts.count == 2, case .unsigned(let number) = parts[0],
            let code = Code(rawValue: number)
        else { throw .wrongType(key: "evidence") }
        switch code {
        case .proof: self = .proof(try Evidence(cbor: parts[1]))
        case .half: self = .half(try Signed(cbor: parts[1]))
        case .held: self = .held(try EvidenceMessage.names(parts[1]))
        case .want: self = .want(try EvidenceMessage.names(parts[1]))
        }
    }

    private static func names(_ cbor: CBOR) throws(RecordError) -> [Digest] {
        guard case .array(let items) = cbor else { throw .wrongType(key: "names") }
        guard items.count <= namesMaximum else {
            throw .tooLong(key: "names", count: items.count, limit: namesMaximum)
        }
        var names: [Digest] = []
        for item in items {
            guard case .bytes(let bytes) = item, let name = Digest(bytes: bytes) else {
                throw .wrongType(key: "names")
            }
            if let last = names.last, last >= name { throw .notAscending(key: "names") }
            names.append(name)
        }
        return names
    }
}
