import Crypto
import Ledger

/// What a signature says, in the checkers' own terms: who, about which place, what. Whoever signs two contents for one
/// place equivocates.
struct Claim: Hashable {
    enum Place: Hashable {
        case contribution(Slot)
        case availabilityVote(Slot)
        case closed(Height)
        case ready(Height)
        case proposal(Height, View)
        case notarize(Height, View)
        case finalize(Height, View)
        case nullify(Height, View)
    }

    let signer: MemberID
    let place: Place
    let content: Digest

    init(signer: MemberID, place: Place, content: Digest) {
        self.signer = signer
        self.place = place
        self.content = content
    }

    init(signer: MemberID, _ body: Contribution) {
        self.init(signer: signer, place: .contribution(body.slot), content: body.digest)
    }

    init(signer: MemberID, _ body: AvailabilityVote) {
        self.init(signer: signer, place: .availabilityVote(body.slot), content: body.digest)
    }

    init(signer: MemberID, _ body: Closed) {
        self.init(signer: signer, place: .closed(body.height), content: body.digest)
    }

    init(signer: MemberID, _ body: Ready) {
        self.init(signer: signer, place: .ready(body.height), content: body.digest)
    }

    init(signer: MemberID, _ body: Proposal) {
        self.init(signer: signer, place: .proposal(body.height, body.view), content: body.digest)
    }

    init(signer: MemberID, _ body: Vote) {
        let place: Place =
            switch body.kind {
            case .notarize: .notarize(body.height, body.view)
            case .finalize: .finalize(body.height, body.view)
            case .nullify: .nullify(body.height, body.view)
            }
        self.init(signer: signer, place: place, content: body.digest)
    }

    /// The place of which an honest signer must leave this one free, besides saying nothing else at its own.
    var excluded: Place? {
        switch place {
        case .finalize(let height, let view): .nullify(height, view)
        case .nullify(let height, let view): .finalize(height, view)
        default: nil
        }
    }
}

extension Claim: CustomStringConvertible {
    var description: String { "\(signer.short) \(place.name) \(content.short)" }
}

extension Claim.Place {
    var name: String {
        switch self {
        case .contribution(let slot): "contribution \(slot.author.short) on \(slot.base.short)"
        case .availabilityVote(let slot): "availability of \(slot.author.short) on \(slot.base.short)"
        case .closed(let height): "closed \(height)"
        case .ready(let height): "ready \(height)"
        case .proposal(let height, let view): "proposal \(height)/\(view)"
        case .notarize(let height, let view): "notarize \(height)/\(view)"
        case .finalize(let height, let view): "finalize \(height)/\(view)"
        case .nullify(let height, let view): "nullify \(height)/\(view)"
        }
    }
}
