import Crypto
import Ledger

/// A statement of one member together with its signature, whatever its kind.
enum SignedStatement: Hashable {
    case contribution(Signed<Contribution>)
    case availabilityVote(Signed<AvailabilityVote>)
    case closed(Signed<Closed>)
    case ready(Signed<Ready>)
    case proposal(Signed<Proposal>)
    case vote(Signed<Vote>)

    /// Of which an honest member says one thing only.
    enum Subject: Hashable {
        case contribution(Slot, baseHeight: Height)
        case availabilityVote(Slot, baseHeight: Height)
        case closed(Height)
        case ready(Height)
        case proposal(Height, View)
        case vote(VoteKind, Height, View)
    }

    var signer: MemberID {
        switch self {
        case .contribution(let signed): signed.signer
        case .availabilityVote(let signed): signed.signer
        case .closed(let signed): signed.signer
        case .ready(let signed): signed.signer
        case .proposal(let signed): signed.signer
        case .vote(let signed): signed.signer
        }
    }

    var signature: Signature {
        switch self {
        case .contribution(let signed): signed.signature
        case .availabilityVote(let signed): signed.signature
        case .closed(let signed): signed.signature
        case .ready(let signed): signed.signature
        case .proposal(let signed): signed.signature
        case .vote(let signed): signed.signature
        }
    }

    /// The same, said by `signer`.
    func signed(by signer: MemberID, _ signature: Signature) -> SignedStatement {
        switch self {
        case .contribution(let said): .contribution(Signed(signer: signer, body: said.body, signature: signature))
        case .availabilityVote(let said):
            .availabilityVote(Signed(signer: signer, body: said.body, signature: signature))
        case .closed(let said): .closed(Signed(signer: signer, body: said.body, signature: signature))
        case .ready(let said): .ready(Signed(signer: signer, body: said.body, signature: signature))
        case .proposal(let said): .proposal(Signed(signer: signer, body: said.body, signature: signature))
        case .vote(let said): .vote(Signed(signer: signer, body: said.body, signature: signature))
        }
    }

    var subject: Subject {
        switch self {
        case .contribution(let signed): .contribution(signed.body.slot, baseHeight: signed.body.baseHeight)
        case .availabilityVote(let signed): .availabilityVote(signed.body.slot, baseHeight: signed.body.baseHeight)
        case .closed(let signed): .closed(signed.body.height)
        case .ready(let signed): .ready(signed.body.height)
        case .proposal(let signed): .proposal(signed.body.height, signed.body.view)
        case .vote(let signed): .vote(signed.body.kind, signed.body.height, signed.body.view)
        }
    }

    /// What an honest member that says this never speaks of, besides saying nothing else of its own subject.
    var excluded: Subject? {
        guard case .vote(let signed) = self else { return nil }
        let vote = signed.body
        return switch vote.kind {
        case .nullify: .vote(.finalize, vote.height, vote.view)
        case .finalize: .vote(.nullify, vote.height, vote.view)
        case .notarize: nil
        }
    }

    /// Whether it says the same, whatever the signature's bytes.
    func says(_ other: SignedStatement) -> Bool {
        switch (self, other) {
        case (.contribution(let one), .contribution(let two)): one.body == two.body
        case (.availabilityVote(let one), .availabilityVote(let two)): one.body == two.body
        case (.closed(let one), .closed(let two)): one.body == two.body
        case (.ready(let one), .ready(let two)): one.body == two.body
        case (.proposal(let one), .proposal(let two)): one.body == two.body
        case (.vote(let one), .vote(let two)): one.body == two.body
        default: false
        }
    }

    /// The two as a record, where they are of one kind. Whether it is proof is for the record to say.
    func evidence(with other: SignedStatement) -> Evidence? {
        switch (self, other) {
        case (.contribution(let one), .contribution(let two)): .contributions(one, two)
        case (.availabilityVote(let one), .availabilityVote(let two)): .availabilityVote(one, two)
        case (.closed(let one), .closed(let two)): .closed(one, two)
        case (.ready(let one), .ready(let two)): .ready(one, two)
        case (.proposal(let one), .proposal(let two)): .proposals(one, two)
        case (.vote(let one), .vote(let two)): .votes(one, two)
        default: nil
        }
    }

    /// - Parameter members: the set of the statement's place.
    func isValid(in members: MemberSet, network: NetworkID, verifier: Verifier) -> Bool {
        switch self {
        case .contribution(let signed):
            signed.signer == signed.body.author
                && signed.isValid(in: members, network: network, verifier: verifier)
        case .availabilityVote(let signed): signed.isValid(in: members, network: network, verifier: verifier)
        case .closed(let signed): signed.isValid(in: members, network: network, verifier: verifier)
        case .ready(let signed): signed.isValid(in: members, network: network, verifier: verifier)
        case .proposal(let signed): signed.isValid(in: members, network: network, verifier: verifier)
        case .vote(let signed): signed.isValid(in: members, network: network, verifier: verifier)
        }
    }
}

extension SignedStatement {
    /// The single statements of votes for one thing.
    static func statements(of votes: VoteCertificate, members: MemberSet) -> [SignedStatement] {
        guard votes.signatures.fits(members) else { return [] }
        return votes.signatures.byIndex.map { index, signature in
            .vote(Signed(signer: members.members[index].id, body: votes.vote, signature: signature))
        }
    }

    /// The single statements of availability votes of one contribution.
    static func statements(of votes: AvailabilityCertificate, members: MemberSet) -> [SignedStatement] {
        guard votes.signatures.fits(members) else { return [] }
        return votes.signatures.byIndex.map { index, signature in
            .availabilityVote(Signed(signer: members.members[index].id, body: votes.vote, signature: signature))
        }
    }
}
