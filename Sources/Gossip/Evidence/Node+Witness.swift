import Crypto
import Ledger

extension Node {
    /// Looks at everything signed that a message carries, before the message is acted on: what others are seen to say
    /// of one subject in two ways is kept as evidence.
    ///
    /// - Returns: false where a signature is forged: the link is cut.
    func witness(_ message: Message, from link: LinkID) -> Bool {
        for statement in statements(in: message) where !witness(statement) {
            cutOff(link, .invalidSignature)
            return false
        }
        switch message {
        case .votes(let certificate), .certified(_, let certificate): return witness(certificate, from: link)
        default: return true
        }
    }

    func statements(in message: Message) -> [SignedStatement] {
        switch message {
        case .contribution(let signed): [.contribution(signed)]
        case .acks(let acks): statements(of: acks)
        case .closed(let signed): [.closed(signed)]
        case .ready(let signed): [.ready(signed)]
        case .proposal(let signed): [.proposal(signed)]
        case .votes(let votes), .certified(_, let votes): statements(of: votes)
        case .summary, .have, .want, .payload, .fetch, .address, .evidence, .carried, .linked, .question, .report,
            .walk,
            .walkPart, .blocks, .closing, .action, .readiness, .review, .verdict:
            []
        }
    }

    private func statements(of votes: VoteCertificate) -> [SignedStatement] {
        guard votes.network == chain.network, isWatched(.vote(votes.vote.kind, votes.vote.height, votes.vote.view)),
            let members = chain.history.members(of: votes.vote.height)
        else { return [] }
        return SignedStatement.statements(of: votes, members: members)
    }

    private func statements(of acks: AvailabilityCertificate) -> [SignedStatement] {
        guard isWatched(.stored(acks.stored.slot, baseHeight: acks.stored.baseHeight)),
            let base = chain.base(acks.stored.slot.base)
        else { return [] }
        return SignedStatement.statements(of: acks, members: base.members)
    }

    /// False where the signature is not the signer's. Each subject of a member costs one verification, and one more
    /// for the first statement that contradicts it.
    private func witness(_ statement: SignedStatement) -> Bool {
        guard let members = membersToCheck(statement) else { return true }
        guard statement.isValid(in: members, network: chain.network, verifier: verifier) else { return false }
        enter(statement)
        return true
    }

    /// The set whose key the statement is checked with; nil if it says nothing new that is watched.
    func membersToCheck(_ statement: SignedStatement) -> MemberSet? {
        guard isWatched(statement.subject), let members = members(of: statement.subject),
            members[statement.signer] != nil
        else { return nil }
        guard let known = evidence.book.statement(statement.signer, of: statement.subject) else { return members }
        return !known.says(statement) && mayAccuse(known, statement) ? members : nil
    }

    /// Whether the two as evidence would be new and find room.
    private func mayAccuse(_ known: SignedStatement, _ statement: SignedStatement) -> Bool {
        guard let found = known.evidence(with: statement) else { return false }
        return evidence.held[found.name] == nil && evidence.hasRoom(for: found.accused)
    }

    /// A statement whose signature is the signer's.
    private func enter(_ statement: SignedStatement) {
        let subjects = [statement.subject, statement.excluded].compactMap { $0 }
        for subject in subjects {
            guard let known = evidence.book.statement(statement.signer, of: subject), !known.says(statement),
                let found = known.evidence(with: statement)
            else { continue }
            hold(found)
        }
        evidence.book.insert(statement)
    }

    /// Subjects of the height that is being agreed on and of the one before, in views that were reached or may be
    /// soon, and of bases that may still be listed.
    private func isWatched(_ subject: SignedStatement.Subject) -> Bool {
        switch subject {
        case .contribution(let slot, let baseHeight), .stored(let slot, let baseHeight):
            return chain.base(slot.base)?.height == baseHeight
        case .closed(let at):
            return at == chain.height && at > .genesis || chain.bases.contains { $0.height.next == at }
        case .ready(let at): return at == height.height || (at == chain.height && at > .genesis)
        case .proposal(let at, let view), .vote(_, let at, let view):
            if at == height.height { return view.value <= height.view.value + HeightState.viewWindow }
            guard at == chain.height, let decided = headVersion?.certificate.vote.view else { return false }
            return view.value <= decided.value + HeightState.viewWindow
        }
    }

    private func members(of subject: SignedStatement.Subject) -> MemberSet? {
        switch subject {
        case .contribution(let slot, _), .stored(let slot, _):
            // Who makes contributions to a base is in its set; nobody else has slots there.
            chain.base(slot.base).flatMap { $0.members[slot.author] == nil ? nil : $0.members }
        case .closed(let height), .ready(let height), .proposal(let height, _), .vote(_, let height, _):
            chain.history.members(of: height)
        }
    }

    /// After an adoption: what can no longer be contradicted is dropped.
    func pruneStatements() { evidence.book.keep { isWatched($0) } }

    // MARK: Own statements, and the journal

    /// An own statement that has become durable. A second process with this node's key contradicts it one day.
    func witness(own consequence: Consequence) {
        switch consequence {
        case .ownContribution(let signed): witnessStored(.contribution(signed))
        case .ownAck(let signed): witnessStored(.stored(signed))
        case .ownClosed(let signed): witnessStored(.closed(signed))
        case .ownReady(let signed): witnessStored(.ready(signed))
        case .ownProposal(let signed, _): witnessStored(.proposal(signed))
        case .ownVote(let signed): witnessStored(.vote(signed))
        case .adopted, .ownAddress, .evidence, .abstention, .walked, .jumped: break
        }
    }

    /// What a node acted on is in its journal, so that a restart does not make it forget what others said.
    func witness(restored entry: JournalEntry) {
        switch entry {
        case .ownContribution(let signed), .contribution(let signed): witnessStored(.contribution(signed))
        case .stored(let signed): witnessStored(.stored(signed))
        case .availability(let acks): for statement in statements(of: acks) { witnessStored(statement) }
        case .closed(let signed): witnessStored(.closed(signed))
        case .ready(let signed): witnessStored(.ready(signed))
        case .proposal(let signed): witnessStored(.proposal(signed))
        case .payload(let embedded): witness(stored: embedded)
        case .vote(let signed): witnessStored(.vote(signed))
        case .certificate(let votes): for statement in statements(of: votes) { witnessStored(statement) }
        case .adopt(let certified), .walked(let certified), .jump(let certified): witness(stored: certified)
        case .address, .evidence, .conflictingCertificate, .abstention, .action, .review, .verdict: break
        }
    }

    func witness(stored certified: CertifiedVersion) {
        witness(stored: certified.embedded)
        for statement in statements(of: certified.certificate) { witnessStored(statement) }
        for contribution in certified.contributions { witnessStored(.contribution(contribution)) }
    }

    private func witness(stored embedded: EmbeddedPayload) {
        for closed in embedded.closings.flatMap(\.statements) { witnessStored(.closed(closed)) }
        for ready in embedded.ready { witnessStored(.ready(ready)) }
        for acks in embedded.availability {
            for statement in statements(of: acks) { witnessStored(statement) }
        }
    }

    /// Signatures on the own disk were checked before they came there, and evidence is checked again as a whole.
    private func witnessStored(_ statement: SignedStatement) {
        guard isWatched(statement.subject) else { return }
        enter(statement)
    }
}
