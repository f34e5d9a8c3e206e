import Crypto
import Ledger
import Link

/// What one daemon says to another. Travels as a CBOR array of a number and a body, whole in one control message.
enum Message: Equatable {
    /// Where the sender stands and what it holds: whoever sees that something lacks sends exactly that.
    case summary(InventorySummary)
    case contribution(Signed<Contribution>)
    /// Which pieces of a contribution the sender holds.
    case have(ContributionDigest, pieces: Bitmap)
    /// Pieces that the sender wants, by index.
    case want(ContributionDigest, pieces: [Int])
    /// Some or all availability votes of one contribution. With a quorum of them it is an availability certificate.
    case availability(AvailabilityCertificate)
    case closed(Signed<Closed>)
    /// Which `closed` statements a payload rests on.
    case closing(ClosingNames)
    case ready(Signed<Ready>)
    case proposal(Signed<Proposal>)
    case payload(Payload)
    /// Some or all votes for one thing. With a quorum of them it is a certificate.
    case votes(VoteCertificate)
    /// The certified payload of the receiver's next height.
    case certified(Payload, VoteCertificate)
    case fetch([FetchItem])
    case address(Signed<AddressRecord>)
    /// What every start asks, of the sender or of somebody that it is linked with.
    case question(StartQuestion)
    /// The answer, from its signer or passed on.
    case report(Signed<StartReport>)
    /// The sender requests headers: it wants certified versions from this height on.
    case requestHeaders(from: Height)
    case headerPart(HeaderPart)
    /// About the parameters under a root.
    case blocks(Digest, BlockNote)
    case evidence(EvidenceMessage)
    /// To which members the sender has links now: bits over the set of this digest. Who is missing there hears the
    /// sender only by others, and the sender them.
    case linked(members: Digest, Bitmap)
    /// A governance action as a payload embeds it.
    case carried(CompleteAction)
    /// A pending governance action with some or all of its signatures.
    case action(SignedGovernanceAction)
    /// Members of the set that an action gives say that they are ready for it, one or many.
    case readiness(Readiness, QuorumSignatures)
    case review(SignedReview)
    /// An operator takes its signature back from a pending action, or rejects it.
    case verdict(JudgedProposal)
}

/// Something that a node lacks and names exactly.
enum FetchItem: Hashable {
    case payload(VersionDigest)
    case ready(Digest)
    /// A `closed` statement, by object digest.
    case closed(Digest)
    /// A list of such statements, by the digest that a payload names.
    case closing(Digest)
    /// All statements that name this contribution.
    case commitment(ContributionDigest)
    case availability(Digest)
    case contribution(ContributionDigest)
    case notarization(View)
    case nullification(View)
    /// A certified version with everything that it embeds.
    case version(Height)
    /// A complete governance action, by object digest.
    case action(Digest)
    /// A pending governance action, by the digest that ready records name.
    case proposal(Digest)
}

extension Message {
    private enum Code: UInt64 {
        case summary = 1
        case contribution, have, want, availability, ready, proposal, payload, votes, certified, fetch, address
        case question = 14
        case report = 15
        case evidence = 13
        case requestHeaders = 17
        case headerPart = 18
        case blocks = 19
        case action = 20
        case readiness, review, carried
        case linked = 25
        case closed, closing, verdict
    }

    private var parts: (code: Code, body: CBOR) {
        switch self {
        case .summary(let summary): (.summary, summary.cbor)
        case .contribution(let signed): (.contribution, signed.cbor)
        case .have(let digest, let pieces):
            (.have, .array([.bytes(digest.digest.bytes), .unsigned(UInt64(pieces.count)), .bytes(pieces.bytes)]))
        case .want(let digest, let pieces):
            (.want, .array([.bytes(digest.digest.bytes), .array(pieces.map { .unsigned(UInt64($0)) })]))
        case .availability(let votes): (.availability, votes.cbor)
        case .closed(let signed): (.closed, signed.cbor)
        case .closing(let names): (.closing, names.cbor)
        case .ready(let signed): (.ready, signed.cbor)
        case .proposal(let signed): (.proposal, signed.cbor)
        case .payload(let payload): (.payload, payload.cbor)
        case .votes(let votes): (.votes, votes.cbor)
        case .certified(let payload, let certificate):
            (.certified, .array([payload.cbor, certificate.cbor]))
        case .fetch(let items): (.fetch, .array(items.map(\.cbor)))
        case .address(let signed): (.address, signed.cbor)
        case .question(let question): (.question, question.cbor)
        case .report(let signed): (.report, signed.cbor)
        case .requestHeaders(let from): (.requestHeaders, .unsigned(from.value))
        case .headerPart(let part): (.headerPart, part.cbor)
        case .blocks(let root, let note): (.blocks, .array([.bytes(root.bytes), note.cbor]))
        case .evidence(let message): (.evidence, message.cbor)
        case .linked(let members, let linked):
            (.linked, .array([.bytes(members.bytes), .unsigned(UInt64(linked.count)), .bytes(linked.bytes)]))
        case .carried(let action): (.carried, action.cbor)
        case .action(let signed): (.action, signed.cbor)
        case .readiness(let statement, let signatures): (.readiness, .array([statement.cbor, signatures.cbor]))
        case .review(let review): (.review, review.cbor)
        case .verdict(let judged): (.verdict, judged.cbor)
        }
    }

    var encoded: [UInt8] {
        let (code, body) = parts
        return CBOR.array([.unsigned(code.rawValue), body]).encoded
    }

    init(encoded bytes: [UInt8]) throws(RecordError) {
        guard bytes.count <= Wire.messageBytesMaximum else {
            throw .tooLong(key: "message", count: bytes.count, limit: Wire.messageBytesMaximum)
        }
        guard case .array(let parts) = try CBOR(encoded: bytes), parts.count == 2,
            case .unsigned(let number) = parts[0]
        else { throw .wrongType(key: "message") }
        guard let code = Code(rawValue: number) else { throw .outOfRange(key: "message") }
        // A ready record must also fit the message that gives it as half of a proof.
        guard code != .ready || bytes.count <= Wire.readyMessageBytesMaximum else {
            throw .tooLong(key: "ready", count: bytes.count, limit: Wire.readyMessageBytesMaximum)
        }
        self = try Message(code, parts[1])
    }

    private init(_ code: Code, _ body: CBOR) throws(RecordError) {
        switch code {
        case .summary: self = .summary(try InventorySummary(cbor: body))
        case .contribution: self = .contribution(try Signed(cbor: body))
        case .have:
            let (digest, rest) = try Message.digestAndRest(body, count: 3)
            guard case .unsigned(let count) = rest[0], case .bytes(let bytes) = rest[1],
                count <= UInt64(Wire.piecesMaximum), let pieces = Bitmap(bytes: bytes, count: Int(count))
            else { throw .outOfRange(key: "pieces") }
            self = .have(ContributionDigest(digest), pieces: pieces)
        case .want:
            let (digest, rest) = try Message.digestAndRest(body, count: 2)
            guard case .array(let items) = rest[0], items.count <= Wire.wantedPiecesMaximum else {
                throw .outOfRange(key: "pieces")
            }
            var pieces: [Int] = []
            for item in items {
                guard case .unsigned(let index) = item, index < UInt64(Wire.piecesMaximum) else {
                    throw .outOfRange(key: "pieces")
                }
                pieces.append(Int(index))
            }
            self = .want(ContributionDigest(digest), pieces: pieces)
        case .availability: self = .availability(try AvailabilityCertificate(cbor: body))
        case .closed: self = .closed(try Signed(cbor: body))
        case .closing: self = .closing(try ClosingNames(cbor: body))
        case .ready: self = .ready(try Signed(cbor: body))
        case .proposal: self = .proposal(try Signed(cbor: body))
        case .payload: self = .payload(try Payload(cbor: body))
        case .votes: self = .votes(try VoteCertificate(cbor: body))
        case .certified:
            guard case .array(let items) = body, items.count == 2 else { throw .wrongType(key: "certified") }
            self = .certified(try Payload(cbor: items[0]), try VoteCertificate(cbor: items[1]))
        case .fetch:
            guard case .array(let items) = body, items.count <= Wire.fetchItemsMaximum else {
                throw .outOfRange(key: "fetch")
            }
            var wanted: [FetchItem] = []
            for item in items { wanted.append(try FetchItem(cbor: item)) }
            self = .fetch(wanted)
        case .address: self = .address(try Signed(cbor: body))
        case .question: self = .question(try StartQuestion(cbor: body))
        case .report: self = .report(try Signed(cbor: body))
        case .requestHeaders: self = .requestHeaders(from: try Height(item: body))
        case .headerPart: self = .headerPart(try HeaderPart(cbor: body))
        case .blocks:
            let (root, rest) = try Message.digestAndRest(body, count: 2)
            self = .blocks(root, try BlockNote(cbor: rest[0]))
        case .evidence: self = .evidence(try EvidenceMessage(cbor: body))
        case .linked:
            let (digest, rest) = try Message.digestAndRest(body, count: 3)
            guard case .unsigned(let count) = rest[0], case .bytes(let bytes) = rest[1],
                count <= UInt64(Limits.members), let linked = Bitmap(bytes: bytes, count: Int(count))
            else { throw .outOfRange(key: "linked") }
            self = .linked(members: digest, linked)
        case .carried: self = .carried(try CompleteAction(cbor: body))
        case .action: self = .action(try SignedGovernanceAction(cbor: body))
        case .readiness:
            guard case .array(let items) = body, items.count == 2 else { throw .wrongType(key: "readiness") }
            self = .readiness(try Readiness(cbor: items[0]), try QuorumSignatures(cbor: items[1]))
        case .review: self = .review(try SignedReview(cbor: body))
        case .verdict: self = .verdict(try JudgedProposal(cbor: body))
        }
    }

    private static func digestAndRest(_ body: CBOR, count: Int) throws(RecordError) -> (Digest, [CBOR]) {
        guard case .array(let items) = body, items.count == count, case .bytes(let bytes) = items[0],
            let digest = Digest(bytes: bytes)
        else { throw .wrongType(key: "digest") }
        return (digest, Array(items.dropFirst()))
    }
}

extension FetchItem {
    private enum Code: UInt64 {
        case payload = 1
        case ready, availability, contribution, notarization, nullification, version
        case action = 8
        case proposal = 20
        case closed, closing, commitment
    }

    var cbor: CBOR {
        let (code, body): (Code, CBOR) =
            switch self {
            case .payload(let digest): (.payload, .bytes(digest.digest.bytes))
            case .ready(let digest): (.ready, .bytes(digest.bytes))
            case .closed(let digest): (.closed, .bytes(digest.bytes))
            case .closing(let digest): (.closing, .bytes(digest.bytes))
            case .commitment(let digest): (.commitment, .bytes(digest.digest.bytes))
            case .availability(let digest): (.availability, .bytes(digest.bytes))
            case .contribution(let digest): (.contribution, .bytes(digest.digest.bytes))
            case .notarization(let view): (.notarization, .unsigned(UInt64(view.value)))
            case .nullification(let view): (.nullification, .unsigned(UInt64(view.value)))
            case .version(let height): (.version, .unsigned(height.value))
            case .action(let digest): (.action, .bytes(digest.bytes))
            case .proposal(let digest): (.proposal, .bytes(digest.bytes))
            }
        return .array([.unsigned(code.rawValue), body])
    }

    init(cbor: CBOR) throws(RecordError) {
        guard case .array(let parts) = cbor, parts.count == 2, case .unsigned(let number) = parts[0],
            let code = Code(rawValue: number)
        else { throw .wrongType(key: "fetch") }
        switch (code, parts[1]) {
        case (.payload, .bytes(let bytes)): self = .payload(VersionDigest(try FetchItem.digest(bytes)))
        case (.action, .bytes(let bytes)): self = .action(try FetchItem.digest(bytes))
        case (.proposal, .bytes(let bytes)): self = .proposal(try FetchItem.digest(bytes))
        case (.closed, .bytes(let bytes)): self = .closed(try FetchItem.digest(bytes))
        case (.closing, .bytes(let bytes)): self = .closing(try FetchItem.digest(bytes))
        case (.commitment, .bytes(let bytes)): self = .commitment(ContributionDigest(try FetchItem.digest(bytes)))
        case (.ready, .bytes(let bytes)): self = .ready(try FetchItem.digest(bytes))
        case (.availability, .bytes(let bytes)): self = .availability(try FetchItem.digest(bytes))
        case (.contribution, .bytes(let bytes)): self = .contribution(ContributionDigest(try FetchItem.digest(bytes)))
        case (.notarization, .unsigned(let view)): self = .notarization(try FetchItem.view(view))
        case (.nullification, .unsigned(let view)): self = .nullification(try FetchItem.view(view))
        case (.version, .unsigned(let height)):
            guard height <= Limits.heightMaximum else { throw .outOfRange(key: "height") }
            self = .version(Height(height))
        default: throw .wrongType(key: "fetch")
        }
    }

    private static func digest(_ bytes: [UInt8]) throws(RecordError) -> Digest {
        guard let digest = Digest(bytes: bytes) else { throw .wrongType(key: "fetch") }
        return digest
    }

    private static func view(_ value: UInt64) throws(RecordError) -> View {
        guard (1...UInt64(Limits.viewMaximum)).contains(value) else { throw .outOfRange(key: "view") }
        return View(UInt32(value))
    }
}

/// Bounds of the wire, and the messages that the shell makes by itself.
public enum Wire {
    /// A control message, reassembled.
    public static let messageBytesMaximum = LinkLimits.messageBytesMaximum
    static let readyMessageBytesMaximum = messageBytesMaximum - 16
    static let fetchItemsMaximum = 256

    /// Meshes of so many members say everything in full: a version that lists all of them fits a message.
    static let fullMembersMaximum = Limits.fullMembers

    /// Slots that a node names in a ready record, so that the record fits a message with all the actions and reviews
    /// that it may carry, and in a larger mesh also the payload that lists what f + 1 of a quorum of records name:
    /// twice as many and one more at most, beside the names of those records.
    static func readySlotsMaximum(memberCount: Int) -> Int { Limits.readySlots(memberCount: memberCount) }
    /// Commitments that a node names in a `closed` statement: all, or in a larger mesh as many as a ready record names.
    static func commitmentsMaximum(memberCount: Int) -> Int {
        memberCount <= fullMembersMaximum ? fullMembersMaximum : readySlotsMaximum(memberCount: memberCount)
    }
    static let wantedPiecesMaximum = 32
    /// As far as one `have` can say.
    static let piecesMaximum = Limits.pieces

    /// The messages that bring a certified version to a node that lags: itself first, so that the receiver knows
    /// which embedded objects to accept, then those.
    public static func messages(of version: CertifiedVersion) -> [[UInt8]] {
        var messages = certified(version.embedded.payload, version.certificate)
        messages += version.embedded.closings.map { .closing($0.names) }
        messages += version.embedded.closings.flatMap(\.statements).map { .closed($0) }
        messages += version.contributions.map { .contribution($0) }
        messages += version.embedded.availability.map { .availability($0) }
        messages += version.embedded.ready.map { .ready($0) }
        messages += [version.embedded.action].compactMap { $0 }.map { .carried($0) }
        return messages.map(\.encoded)
    }

    /// Whether a payload can embed the action: with the signatures of hundreds of operators it outgrows a message.
    static func fits(_ action: CompleteAction) -> Bool {
        action.signed.operators.count <= fullMembersMaximum / 2
            || Message.carried(action).encoded.count <= messageBytesMaximum
    }

    /// A payload with its certificate; in a large mesh one after the other, and the certificate first, which makes the
    /// receiver take the payload.
    static func certified(_ payload: Payload, _ certificate: VoteCertificate) -> [Message] {
        let whole = Message.certified(payload, certificate)
        // A signature of each of so many, and a payload that lists all of them, always fit.
        guard certificate.signatures.bitmap.count > fullMembersMaximum / 8,
            whole.encoded.count > messageBytesMaximum
        else { return [whole] }
        return [.votes(certificate), .payload(payload)]
    }
}
