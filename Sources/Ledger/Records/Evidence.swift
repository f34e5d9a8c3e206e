/// Two signatures of one member that no honest member makes: proof, to anybody who knows the member set, that it broke
/// the protocol. Always two conflicting statements of one kind and place; a vote that merely differs from a certificate
/// is none, for honest members cast such votes. In a slot both name one height of the base, so that one set judges
/// both.
public enum Evidence: Record, Hashable {
    /// Two contributions in one slot.
    case contributions(Signed<Contribution>, Signed<Contribution>)
    /// Two availability votes for one slot.
    case availabilityVote(Signed<AvailabilityVote>, Signed<AvailabilityVote>)
    /// Two `closed` statements in one height.
    case closed(Signed<Closed>, Signed<Closed>)
    /// Two ready records in one height.
    case ready(Signed<Ready>, Signed<Ready>)
    /// Two proposals in one view.
    case proposals(Signed<Proposal>, Signed<Proposal>)
    /// Two notarize votes or two finalize votes in one view, or nullify and finalize.
    case votes(Signed<Vote>, Signed<Vote>)

    /// Whether both are signed by the same member of `members`, and cannot both be honest.
    ///
    /// - Parameter members: the set that the statements' place belongs to: of height(base) + 1 for contributions and
    ///   availability votes, of the statements' height for the rest.
    public func isProof(in members: MemberSet, network: NetworkID, verifier: Verifier) -> Bool {
        func areBoth<Body: Statement>(_ first: Signed<Body>, _ second: Signed<Body>) -> Bool {
            first.signer == second.signer && first.isValid(in: members, network: network, verifier: verifier)
                && second.isValid(in: members, network: network, verifier: verifier)
        }
        return switch self {
        case .contributions(let first, let second):
            Evidence.conflict(first.body, second.body) && first.signer == first.body.author && areBoth(first, second)
        case .availabilityVote(let first, let second):
            Evidence.conflict(first.body, second.body) && areBoth(first, second)
        case .closed(let first, let second): Evidence.conflict(first.body, second.body) && areBoth(first, second)
        case .ready(let first, let second): Evidence.conflict(first.body, second.body) && areBoth(first, second)
        case .proposals(let first, let second): Evidence.conflict(first.body, second.body) && areBoth(first, second)
        case .votes(let first, let second): Evidence.conflict(first.body, second.body) && areBoth(first, second)
        }
    }

    private static func conflict(_ first: Contribution, _ second: Contribution) -> Bool {
        first.slot == second.slot && first.baseHeight == second.baseHeight && first != second
    }

    private static func conflict(_ first: AvailabilityVote, _ second: AvailabilityVote) -> Bool {
        first.slot == second.slot && first.baseHeight == second.baseHeight
            && first.contribution != second.contribution
    }

    private static func conflict(_ first: Closed, _ second: Closed) -> Bool {
        first.height == second.height && first != second
    }

    private static func conflict(_ first: Ready, _ second: Ready) -> Bool {
        first.height == second.height && first != second
    }

    private static func conflict(_ first: Proposal, _ second: Proposal) -> Bool {
        first.height == second.height && first.view == second.view && first != second
    }

    private static func conflict(_ first: Vote, _ second: Vote) -> Bool {
        guard first.height == second.height, first.view == second.view else { return false }
        switch (first.kind, second.kind) {
        case (.notarize, .notarize), (.finalize, .finalize): return first.version != second.version
        case (.nullify, .finalize), (.finalize, .nullify): return true
        default: return false
        }
    }

    public var cbor: CBOR {
        func record(_ kind: String, _ first: CBOR, _ second: CBOR) -> CBOR {
            .record(["kind": .text(kind), "first": first, "second": second])
        }
        return switch self {
        case .contributions(let first, let second): record("contributions", first.cbor, second.cbor)
        case .availabilityVote(let first, let second): record("stored", first.cbor, second.cbor)
        case .closed(let first, let second): record("closed", first.cbor, second.cbor)
        case .ready(let first, let second): record("ready", first.cbor, second.cbor)
        case .proposals(let first, let second): record("proposals", first.cbor, second.cbor)
        case .votes(let first, let second): record("votes", first.cbor, second.cbor)
        }
    }

    public init(cbor: CBOR) throws(RecordError) {
        var reader = try RecordReader(cbor)
        let kind = try reader.text("kind", limit: 64)
        switch kind {
        case "contributions": self = .contributions(try reader.record("first"), try reader.record("second"))
        case "stored": self = .availabilityVote(try reader.record("first"), try reader.record("second"))
        case "closed": self = .closed(try reader.record("first"), try reader.record("second"))
        case "ready": self = .ready(try reader.record("first"), try reader.record("second"))
        case "proposals": self = .proposals(try reader.record("first"), try reader.record("second"))
        case "votes": self = .votes(try reader.record("first"), try reader.record("second"))
        default: throw .unknownVariant(key: "kind", value: kind)
        }
        try reader.finish()
    }
}
