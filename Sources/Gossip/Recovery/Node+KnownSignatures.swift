import Crypto
import Ledger

/// Signatures of one member among all that this node holds, and whether its own are in its books.
extension Node {
    /// A member's latest signatures that this node holds: first those for the next heights, as many as fit.
    func statementsHeld(of member: MemberID) -> [SignedStatement] {
        var found = earlyStatements(of: member) + agreementStatements(of: member)
        found += contributionStatements(of: member) + headStatements(of: member)
        var seen: Set<EncodedBytes> = []
        var kept: [SignedStatement] = []
        var byteCount = 0
        let byteCountMaximum = StartReport.statementBytesMaximum(memberCount: chain.members.count)
        for statement in found {
            let encoded = statement.cbor.encoded
            guard seen.insert(EncodedBytes(bytes: encoded)).inserted else { continue }
            let bytes = encoded.count
            guard kept.count < StartReport.statementsMaximum else { break }
            guard byteCount + bytes <= byteCountMaximum else { continue }
            byteCount += bytes
            kept.append(statement)
        }
        return kept
    }

    /// Among messages of the height after next.
    private func earlyStatements(of member: MemberID) -> [SignedStatement] {
        guard links.earlyBytes > 0 else { return [] }
        return links.order.flatMap { links[$0]?.early ?? [] }.flatMap { statements(of: member, in: $0) }
    }

    /// Votes of the latest views first, then proposals and ready records.
    private func agreementStatements(of member: MemberID) -> [SignedStatement] {
        guard let index = height.members.index(of: member) else { return [] }
        var found: [SignedStatement] = []
        for view in height.views.keys.sorted(by: >) {
            guard let state = height.views[view] else { continue }
            for kind in VoteKind.allCases {
                let tally = state.tally(kind)
                for version in tally.versions {
                    guard let signature = tally.byVersion[version]?[index] else { continue }
                    let vote = Vote(kind: kind, height: height.height, view: view, version: version)
                    found.append(.vote(Signed(signer: member, body: vote, signature: signature)))
                }
            }
            for certificate in [state.notarization, state.nullification].compactMap({ $0 }) {
                found += vote(of: member, at: index, in: certificate)
            }
            found += state.proposals.filter { $0.signer == member }.map { .proposal($0) }
        }
        if let decided = height.decided { found += vote(of: member, at: index, in: decided) }
        if let ready = height.ready[index] { found.append(.ready(ready)) }
        for digest in height.readyObjects.keys.sorted() {
            if let ready = height.readyObjects[digest], ready.signer == member { found.append(.ready(ready)) }
        }
        for closed in headRound?.statements(of: index) ?? [] { found.append(.closed(closed)) }
        return found
    }

    /// Contributions and availability votes on top of the versions that may still be a base, the latest first.
    private func contributionStatements(of member: MemberID) -> [SignedStatement] {
        var found: [SignedStatement] = []
        for base in chain.bases.reversed() {
            for digest in contributions.order {
                guard let candidate = contributions[digest], candidate.contribution.base == base.digest,
                    candidate.contribution.author == member, candidate.isAnnounced
                else { continue }
                found.append(.contribution(candidate.signed))
            }
            guard let index = base.members.index(of: member) else { continue }
            for slot in contributions.slots.keys.sorted() where slot.base == base.digest {
                guard let state = contributions.slots[slot] else { continue }
                for contribution in state.votes.keys.sorted() {
                    guard let signature = state.votes[contribution]?[index] else { continue }
                    let vote = AvailabilityVote(slot: slot, baseHeight: base.height, contribution: contribution)
                    found.append(.availabilityVote(Signed(signer: member, body: vote, signature: signature)))
                }
                if let certificate = state.certificate, let signature = certificate.signatures.signature(at: index) {
                    found.append(
                        .availabilityVote(Signed(signer: member, body: certificate.vote, signature: signature)))
                }
            }
        }
        return found
    }

    /// What stands in the last adopted version.
    private func headStatements(of member: MemberID) -> [SignedStatement] {
        guard let head = headVersion else { return [] }
        let members = chain.history.members(of: head.height) ?? chain.members
        var found: [SignedStatement] = []
        if let index = members.index(of: member) { found += vote(of: member, at: index, in: head.certificate) }
        found += head.embedded.closings.flatMap(\.statements).filter {
            $0.signer == member && $0.body.height == head.height
        }.map { .closed($0) }
        found += head.embedded.ready.filter { $0.signer == member }.map { .ready($0) }
        return found
    }

    private func vote(of member: MemberID, at index: Int, in certificate: VoteCertificate) -> [SignedStatement] {
        guard let signature = certificate.signatures.signature(at: index) else { return [] }
        return [.vote(Signed(signer: member, body: certificate.vote, signature: signature))]
    }

    /// What one message carries of a member's signatures. Not verified.
    func statements(of member: MemberID, in message: Message) -> [SignedStatement] {
        switch message {
        case .contribution(let signed): return signed.signer == member ? [.contribution(signed)] : []
        case .closed(let signed): return signed.signer == member ? [.closed(signed)] : []
        case .ready(let signed): return signed.signer == member ? [.ready(signed)] : []
        case .proposal(let signed): return signed.signer == member ? [.proposal(signed)] : []
        case .availability(let votes):
            let members = chain.base(votes.vote.slot.base)?.members ?? chain.members
            guard let index = members.index(of: member), let signature = votes.signatures.signature(at: index) else {
                return []
            }
            return [.availabilityVote(Signed(signer: member, body: votes.vote, signature: signature))]
        case .votes(let votes), .certified(_, let votes):
            let members = chain.history.members(of: votes.vote.height) ?? height.members
            guard let index = members.index(of: member) else { return [] }
            return vote(of: member, at: index, in: votes)
        default: return []
        }
    }

    /// Whether a signature of this node's key stands in none of its books. At heights that are decided here nothing can
    /// be contradicted any more, and the books are closed.
    func isLacking(_ statement: SignedStatement) -> Bool {
        switch statement {
        case .vote(let signed):
            let vote = signed.body
            guard vote.height == height.height else { return vote.height > height.height }
            switch vote.kind {
            case .notarize: return height.own.notarized[vote.view] != vote.version
            case .finalize: return height.own.finalized[vote.view] != vote.version
            case .nullify: return !height.own.nullified.contains(vote.view)
            }
        case .proposal(let signed):
            guard signed.body.height == height.height else { return signed.body.height > height.height }
            guard height.own.proposed.contains(signed.body.view) else { return true }
            let kept = height.views[signed.body.view]?.proposals.filter { $0.signer == identity.member } ?? []
            return !kept.contains { $0.body == signed.body }
        case .closed(let signed):
            guard signed.body.height == height.height else { return signed.body.height > height.height }
            return height.own.closed?.body != signed.body
        case .ready(let signed):
            guard signed.body.height == height.height else { return signed.body.height > height.height }
            return height.own.ready?.body != signed.body
        case .contribution(let signed):
            guard chain.base(signed.body.base) != nil else { return signed.body.baseHeight > chain.height }
            return contributions[signed.body.contributionDigest] == nil
        case .availabilityVote(let signed):
            guard chain.base(signed.body.slot.base) != nil else { return signed.body.baseHeight > chain.height }
            return contributions.slots[signed.body.slot]?.ownAvailabilityVote != signed.body.contribution
        }
    }
}

extension QuorumSignatures {
    /// The signature of the member at `index`; nil where there is none.
    fileprivate func signature(at index: Int) -> Signature? {
        guard index / 8 < bitmap.count, bitmap[index / 8] >> UInt8(index % 8) & 1 == 1 else { return nil }
        return byIndex.first { $0.index == index }?.signature
    }
}
