import Crypto
import Ledger

/// Where a node stands, so that a peer can send exactly what it lacks. Sent when a link comes up, after each adoption,
/// and then once per anti-entropy interval: with it nothing that was lost stays lost.
struct InventorySummary: Record {
    struct ViewPart: Equatable {
        let view: View
        /// Which proposals of this view the sender holds; at most two.
        let proposals: [VersionDigest]
        let notarize: [VotePart]
        let finalize: [VotePart]
        let nullify: Bitmap
        let isNotarized: Bool
        let isNullified: Bool
    }

    struct VotePart: Equatable {
        let version: VersionDigest
        let signers: Bitmap
    }

    struct CandidatePart: Equatable {
        let contribution: ContributionDigest
        let votes: Bitmap
        let isAvailable: Bool
        /// Whether the sender holds `closed` statements that commit it.
        let isCommitted: Bool
        /// Whether the sender holds every piece.
        let isComplete: Bool
        /// Whose verdict on the slot it holds, over the set of height + 1.
        let reviewers: Bitmap
    }

    struct ActionPart: Equatable {
        let action: Digest
        /// Over the set of height + 1.
        let operators: Bitmap
        let hasPossession: Bool
        /// Over the set that the action gives; without bits where it gives none.
        let readiness: Bitmap
        /// Whose verdict against it the sender holds, over the set of height + 1; without bits where it holds none.
        let verdicts: Bitmap
    }

    let height: Height
    let head: VersionDigest
    let view: View
    /// Whose ready records for height + 1 the sender holds.
    let ready: Bitmap
    /// Whose `closed` statements for height + 1 the sender holds.
    let closed: Bitmap
    let views: [ViewPart]
    let candidates: [CandidatePart]
    let actions: [ActionPart]

    static let viewsMaximum = 8
    static let candidatesMaximum = 448
    /// How many a node names: as many as fit a message beside all views and actions. Each bitmap has a bit a member.
    static func candidatesMaximum(memberCount: Int) -> Int {
        memberCount <= Wire.fullMembersMaximum ? candidatesMaximum : 48
    }
    static let effectsMaximum = GovernanceTable.Places(memberCount: 1).total

    init(
        height: Height, head: VersionDigest, view: View, ready: Bitmap, closed: Bitmap, views: [ViewPart],
        candidates: [CandidatePart], actions: [ActionPart] = []
    ) {
        self.height = height
        self.head = head
        self.view = view
        self.ready = ready
        self.closed = closed
        self.views = views
        self.candidates = candidates
        self.actions = actions
    }

    var cbor: CBOR {
        .array([
            .unsigned(height.value), .bytes(head.digest.bytes), .unsigned(UInt64(view.value)), ready.cbor,
            closed.cbor, .array(views.map(\.cbor)), .array(candidates.map(\.cbor)), .array(actions.map(\.cbor)),
        ])
    }

    init(cbor: CBOR) throws(RecordError) {
        guard case .array(let items) = cbor, items.count == 8, case .unsigned(let height) = items[0],
            case .unsigned(let view) = items[2], case .array(let views) = items[5],
            case .array(let candidates) = items[6], case .array(let actions) = items[7]
        else { throw .wrongType(key: "summary") }
        guard height <= Limits.heightMaximum, (1...UInt64(Limits.viewMaximum)).contains(view),
            views.count <= InventorySummary.viewsMaximum, candidates.count <= InventorySummary.candidatesMaximum,
            actions.count <= InventorySummary.effectsMaximum
        else { throw .outOfRange(key: "summary") }
        self.height = Height(height)
        head = VersionDigest(try Digest(summaryItem: items[1]))
        self.view = View(UInt32(view))
        ready = try Bitmap(cbor: items[3])
        closed = try Bitmap(cbor: items[4])
        self.views = try views.map { (item) throws(RecordError) in try ViewPart(cbor: item) }
        self.candidates = try candidates.map { (item) throws(RecordError) in try CandidatePart(cbor: item) }
        self.actions = try actions.map { (item) throws(RecordError) in try ActionPart(cbor: item) }
    }
}

extension InventorySummary.ViewPart {
    var cbor: CBOR {
        .array([
            .unsigned(UInt64(view.value)), .array(proposals.map { .bytes($0.digest.bytes) }),
            .array(notarize.map(\.cbor)), .array(finalize.map(\.cbor)), nullify.cbor, .boolean(isNotarized),
            .boolean(isNullified),
        ])
    }

    init(cbor: CBOR) throws(RecordError) {
        guard case .array(let items) = cbor, items.count == 7, case .unsigned(let view) = items[0],
            case .array(let proposals) = items[1], case .array(let notarize) = items[2],
            case .array(let finalize) = items[3], case .boolean(let isNotarized) = items[5],
            case .boolean(let isNullified) = items[6]
        else { throw .wrongType(key: "views") }
        guard (1...UInt64(Limits.viewMaximum)).contains(view), proposals.count <= 2, notarize.count <= 4,
            finalize.count <= 4
        else { throw .outOfRange(key: "views") }
        self.view = View(UInt32(view))
        self.proposals = try proposals.map { (item) throws(RecordError) in
            VersionDigest(try Digest(summaryItem: item))
        }
        self.notarize = try notarize.map { (item) throws(RecordError) in try InventorySummary.VotePart(cbor: item) }
        self.finalize = try finalize.map { (item) throws(RecordError) in try InventorySummary.VotePart(cbor: item) }
        nullify = try Bitmap(cbor: items[4])
        self.isNotarized = isNotarized
        self.isNullified = isNullified
    }
}

extension InventorySummary.VotePart {
    var cbor: CBOR { .array([.bytes(version.digest.bytes), signers.cbor]) }

    init(cbor: CBOR) throws(RecordError) {
        guard case .array(let items) = cbor, items.count == 2 else { throw .wrongType(key: "votes") }
        version = VersionDigest(try Digest(summaryItem: items[0]))
        signers = try Bitmap(cbor: items[1])
    }
}

extension InventorySummary.CandidatePart {
    var cbor: CBOR {
        .array([
            .bytes(contribution.digest.bytes), votes.cbor, .boolean(isAvailable), .boolean(isCommitted),
            .boolean(isComplete),
            reviewers.cbor,
        ])
    }

    init(cbor: CBOR) throws(RecordError) {
        guard case .array(let items) = cbor, items.count == 6, case .boolean(let isAvailable) = items[2],
            case .boolean(let isCommitted) = items[3], case .boolean(let isComplete) = items[4]
        else { throw .wrongType(key: "candidates") }
        contribution = ContributionDigest(try Digest(summaryItem: items[0]))
        votes = try Bitmap(cbor: items[1])
        self.isAvailable = isAvailable
        self.isCommitted = isCommitted
        self.isComplete = isComplete
        reviewers = try Bitmap(cbor: items[5])
    }
}

extension InventorySummary.ActionPart {
    var cbor: CBOR {
        .array([.bytes(action.bytes), operators.cbor, .boolean(hasPossession), readiness.cbor, verdicts.cbor])
    }

    init(cbor: CBOR) throws(RecordError) {
        guard case .array(let items) = cbor, items.count == 5, case .boolean(let hasPossession) = items[2] else {
            throw .wrongType(key: "actions")
        }
        action = try Digest(summaryItem: items[0])
        operators = try Bitmap(cbor: items[1])
        self.hasPossession = hasPossession
        readiness = try Bitmap(cbor: items[3])
        verdicts = try Bitmap(cbor: items[4])
    }
}

extension Bitmap {
    /// Members are at most `Limits.members`, so a summary's bitmaps are small.
    fileprivate var cbor: CBOR { .array([.unsigned(UInt64(count)), .bytes(bytes)]) }

    fileprivate init(cbor: CBOR) throws(RecordError) {
        guard case .array(let items) = cbor, items.count == 2, case .unsigned(let count) = items[0],
            case .bytes(let bytes) = items[1], count <= UInt64(Limits.members),
            let bitmap = Bitmap(bytes: bytes, count: Int(count))
        else { throw .outOfRange(key: "bitmap") }
        self = bitmap
    }
}

extension Digest {
    fileprivate init(summaryItem: CBOR) throws(RecordError) {
        guard case .bytes(let bytes) = summaryItem, let digest = Digest(bytes: bytes) else {
            throw .wrongType(key: "digest")
        }
        self = digest
    }
}
