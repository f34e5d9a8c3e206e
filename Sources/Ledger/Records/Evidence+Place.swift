import Crypto

extension Evidence {
    /// What kind of statement was made twice. The raw value is part of the digest of its place.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case contributions
        case availabilityVotes = "stored"
        case closed
        case ready
        case proposals
        case votes
    }

    /// Where both statements belong.
    public enum Place: Hashable, Sendable {
        /// On top of a version of this height.
        case slot(Slot, baseHeight: Height)
        case height(Height)
        case view(Height, View)
    }

    public var kind: Kind {
        switch self {
        case .contributions: .contributions
        case .availabilityVote: .availabilityVotes
        case .closed: .closed
        case .ready: .ready
        case .proposals: .proposals
        case .votes: .votes
        }
    }

    /// Who signed, as the first statement says; both, where this is proof.
    public var accused: MemberID {
        switch self {
        case .contributions(let first, _): first.signer
        case .availabilityVote(let first, _): first.signer
        case .closed(let first, _): first.signer
        case .ready(let first, _): first.signer
        case .proposals(let first, _): first.signer
        case .votes(let first, _): first.signer
        }
    }

    /// The first statement's place; that of both, where this is proof.
    public var place: Place {
        switch self {
        case .contributions(let first, _): .slot(first.body.slot, baseHeight: first.body.baseHeight)
        case .availabilityVote(let first, _): .slot(first.body.slot, baseHeight: first.body.baseHeight)
        case .closed(let first, _): .height(first.body.height)
        case .ready(let first, _): .height(first.body.height)
        case .proposals(let first, _): .view(first.body.height, first.body.view)
        case .votes(let first, _): .view(first.body.height, first.body.view)
        }
    }

    /// The height whose member set judges this: of height(base) + 1 for contributions and availability votes.
    public var memberHeight: Height {
        switch place {
        case .slot(_, let baseHeight): baseHeight.next
        case .height(let height), .view(let height, _): height
        }
    }

    /// Names what was broken by whom, not by which two of the statements it shows: one member, kind and place have one
    /// name.
    public var name: Digest { Evidence.name(kind, of: accused, at: place) }

    /// The name that evidence of this kind against this member at this place has.
    public static func name(_ kind: Kind, of accused: MemberID, at place: Place) -> Digest {
        let position: [CBOR] =
            switch place {
            case .slot(let slot, let baseHeight): [slot.cbor, .height(baseHeight)]
            case .height(let height): [.height(height)]
            case .view(let height, let view): [.height(height), .view(view)]
            }
        return Digest(
            DigestDomain("mesh/evidence"), CBOR.array([.variant(kind), accused.cbor, .array(position)]).encoded)
    }
}
