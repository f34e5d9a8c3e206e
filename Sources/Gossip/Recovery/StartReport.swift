import Crypto
import Ledger

/// The answer to a `StartQuestion`, signed by the reporter's node key over the question's member and instance: it can
/// be passed on by anybody and answers no other start.
struct StartReport: Statement, Hashable {
    static let tag = "start"

    /// How much the reporter's own height may be relied on.
    enum Standing: UInt64, Hashable {
        /// It has just started and does not sign yet: it may itself have lost its journal without knowing.
        case starting = 1
        case settled
        /// It lost its journal, or has not yet adopted the version that it abstains to.
        case recovering
    }

    /// Who asked.
    let member: MemberID
    let instance: InstanceID
    let standing: Standing
    /// The reporter's last adopted version, and its certificate; nil at genesis.
    let height: Height
    let certificate: VoteCertificate?
    /// Another instance of the member's key came back again and again in between.
    let hasDuplicateInstance: Bool
    /// The member's latest signatures that the reporter holds, as many as fit.
    let statements: [SignedStatement]

    /// Whether it still says all of this to the question; statements that came since wait for the next.
    func isAnswer(to question: StartQuestion, _ standing: Standing, at height: Height, hasDuplicateInstance: Bool)
        -> Bool
    {
        instance == question.instance && self.standing == standing && self.height == height
            && self.hasDuplicateInstance == hasDuplicateInstance
    }

    static let statementsMaximum = 512
    /// Of the statements' encodings: beside a certificate of a quorum they fit a message.
    static func statementBytesMaximum(memberCount: Int) -> Int {
        memberCount <= Wire.fullMembersMaximum ? 40 << 10 : 16 << 10
    }

    var cbor: CBOR {
        .array([
            .bytes(member.digest.bytes), .bytes(instance.digest.bytes), .unsigned(standing.rawValue),
            .unsigned(height.value), certificate?.cbor ?? .null, .boolean(hasDuplicateInstance),
            .array(statements.map(\.cbor)),
        ])
    }
}

extension StartReport {
    init(cbor: CBOR) throws(RecordError) {
        guard case .array(let items) = cbor, items.count == 7, case .bytes(let member) = items[0],
            case .bytes(let instance) = items[1], case .unsigned(let standing) = items[2],
            case .unsigned(let height) = items[3], case .boolean(let hasDuplicateInstance) = items[5],
            case .array(let statements) = items[6], let memberDigest = Digest(bytes: member),
            let instanceDigest = Digest(bytes: instance)
        else { throw .wrongType(key: "report") }
        guard let standing = Standing(rawValue: standing), height <= Limits.heightMaximum,
            statements.count <= StartReport.statementsMaximum
        else { throw .outOfRange(key: "report") }
        self.member = MemberID(memberDigest)
        self.instance = InstanceID(instanceDigest)
        self.standing = standing
        self.height = Height(height)
        certificate = items[4] == .null ? nil : try VoteCertificate(cbor: items[4])
        self.hasDuplicateInstance = hasDuplicateInstance
        self.statements = try statements.map { (item) throws(RecordError) in try SignedStatement(cbor: item) }
        // One encoding of a height: its certificate is there from the first version on, and is of that version.
        guard certificate.map({ $0.vote.kind == .finalize && $0.vote.height == self.height }) ?? (height == 0) else {
            throw .outOfRange(key: "certificate")
        }
    }
}

extension SignedStatement {
    /// The height at which it was signed: of a contribution and of an availability vote the one after their base's.
    var height: Height {
        switch self {
        case .vote(let signed): signed.body.height
        case .proposal(let signed): signed.body.height
        case .closed(let signed): signed.body.height
        case .ready(let signed): signed.body.height
        case .contribution(let signed): signed.body.baseHeight.next
        case .availabilityVote(let signed): signed.body.baseHeight.next
        }
    }

    func isSigned(by member: MemberID, key: VerifyingKey, network: NetworkID, verifier: Verifier) -> Bool {
        func check(_ signed: Signed<some Statement>) -> Bool {
            signed.signer == member
                && verifier.isSigned(signed.signature, over: signed.body, by: key, network: network)
        }
        return switch self {
        case .vote(let signed): check(signed)
        case .proposal(let signed): check(signed)
        case .closed(let signed): check(signed)
        case .ready(let signed): check(signed)
        case .contribution(let signed): check(signed)
        case .availabilityVote(let signed): check(signed)
        }
    }

    private enum Code: UInt64 {
        case vote = 1
        case proposal, ready, contribution, availabilityVote, closed
    }

    var cbor: CBOR {
        let (code, body): (Code, CBOR) =
            switch self {
            case .vote(let signed): (.vote, signed.cbor)
            case .proposal(let signed): (.proposal, signed.cbor)
            case .closed(let signed): (.closed, signed.cbor)
            case .ready(let signed): (.ready, signed.cbor)
            case .contribution(let signed): (.contribution, signed.cbor)
            case .availabilityVote(let signed): (.availabilityVote, signed.cbor)
            }
        return .array([.unsigned(code.rawValue), body])
    }

    init(cbor: CBOR) throws(RecordError) {
        guard case .array(let items) = cbor, items.count == 2, case .unsigned(let number) = items[0],
            let code = Code(rawValue: number)
        else { throw .wrongType(key: "statement") }
        switch code {
        case .vote: self = .vote(try Signed(cbor: items[1]))
        case .proposal: self = .proposal(try Signed(cbor: items[1]))
        case .closed: self = .closed(try Signed(cbor: items[1]))
        case .ready: self = .ready(try Signed(cbor: items[1]))
        case .contribution: self = .contribution(try Signed(cbor: items[1]))
        case .availabilityVote: self = .availabilityVote(try Signed(cbor: items[1]))
        }
    }
}
