import Crypto
import Ledger

extension Node {
    /// Looks at everything signed that a message carries, before the message is acted on: what others are seen to say
    /// of one subject in two ways is kept as evidence.
    ///
    /// - Returns: false where a signature is forged: the link is cut.
    func observe(_ message: Message, from link: LinkID) -> Bool {
        for statement in statements(in: message) where !observe(statement) {
            cutOff(link, .invalidSignature)
            return false
        }
        switch message {
        case .votes(let certificate), .certified(_, let certificate): return observe(certificate, from: link)
        default: return true
        }
    }

    func statements(in message: Message) -> [SignedStatement] {
        switch message {
        case .contribution(let signed): [.contribution(signed)]
        case .availability(let votes): statements(of: votes)
        case .closed(let signed): [.closed(signed)]
        case .ready(let signed): [.ready(signed)]
        case .proposal(let signed): [.proposal(signed)]
        case .votes(let votes), .certified(_, let votes): statements(of: votes)
        case .summary, .have, .want, .payload, .fetch, .address, .evidence, .carried, .linked, .question, .report,
            .requestHeaders,
            .headerPart, .blocks, .closing, .action, .readiness, .review, .verdict:
            []
        }
    }

    private func statements(of votes: VoteCertificate) -> [SignedStatement] {
        guard votes.network == chain.network, isWatched(.vote(votes.vote.kind, votes.vote.height, votes.vote.view)),
            let members = chain.history.members(of: votes.vote.height)
        else { return [] }
        return SignedStatement.statements(of: votes, members: members)
    }

    private func statements(of votes: AvailabilityCertificate) -> [SignedStatement] {
        guard isWatched(.availabilityVote(votes.vote.slot, baseHeight: votes.vote.baseHeight)),
            let base = chain.base(votes.vote.slot.base)
        else { return [] }
        return SignedStatement.statements(of: votes, members: base.members)
    }

    /// False where the signature is not the signer's. Each subject of a member costs one verification, and one more
    /// for the first statement that contradicts it.
    private func observe(_ statement: SignedStatement) -> Bool {
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
        guard let known = evidence.statements.statement(statement.signer, of: statement.subject) else { return members }
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
            guard let known = evidence.statements.statement(statement.signer, of: subject), !known.says(statement),
                let found = known.evidence(with: statement)
            else { continue }
            hold(found)
        }
        evidence.statements.insert(statement)
    }

    /// Subjects of the height that is being agreed on and of the one before, in views that were reached or may be
    /// soon, and of bases that may still be listed.
    private func isWatched(_ subject: SignedStatement.Subject) -> Bool {
        switch subject {
        case .contribution(let slot, let baseHeight), .availabilityVote(let slot, let baseHeight):
            return chain.base(slot.base)?.height == baseHeight
        case .closed(let at):
            return at == chain.height && at > .genesis || chain.bases.contains { $0.height.next == at }
        case .ready(let at): return at == height.height || (at == chain.height && at > .genesis)
        case .proposal(let at, let view), .vote(_, let at, let view):
            if at == height.height { return view.value <= height.view.value + ConsensusInstance.viewWindow }
            guard at == chain.height, let decided = headVersion?.certificate.vote.view else { return false }
            return view.value <= decided.value + ConsensusInstance.viewWindow
        }
    }

    private func members(of subject: SignedStatement.Subject) -> MemberSet? {
        switch subject {
        case .contribution(let slot, _), .availabilityVote(let slot, _):
            // Who makes contributions to a base is in its set; nobody else has slots there.
            chain.base(slot.base).flatMap { $0.members[slot.author] == nil ? nil : $0.members }
        case .closed(let height), .ready(let height), .proposal(let height, _), .vote(_, let height, _):
            chain.history.members(of: height)
        }
    }

    /// After an adoption: what can no longer be contradicted is dropped.
    func pruneStatements() { evidence.statements.keep { isWatched($0) } }

    // MARK: Own statements, and the journal

    /// An own statement that has become durable. A second process with this node's key contradicts it one day.
    func observe(own completion: WriteCompletion) {
        switch completion {
        case .ownContribution(let signed): observe(valid: .contribution(signed))
        case .ownAvailabilityVote(let signed): observe(valid: .availabilityVote(signed))
        case .ownClosed(let signed): observe(valid: .closed(signed))
        case .ownReady(let signed): observe(valid: .ready(signed))
        case .ownProposal(let signed, _): observe(valid: .proposal(signed))
        case .ownVote(let signed): observe(valid: .vote(signed))
        case .adopted, .ownAddress, .evidence, .abstention, .headerSynced, .stateSynced: break
        }
    }

    /// What a node acted on is in its journal, so that a restart does not make it forget what others said.
    func observe(restored entry: JournalEntry) {
        switch entry {
        case .ownContribution(let signed), .contribution(let signed): observe(valid: .contribution(signed))
        case .availabilityVote(let signed): observe(valid: .availabilityVote(signed))
        case .availability(let votes): for statement in statements(of: votes) { observe(valid: statement) }
        case .closed(let signed): observe(valid: .closed(signed))
        case .ready(let signed): observe(valid: .ready(signed))
        case .proposal(let signed): observe(valid: .proposal(signed))
        case .payload(let embedded): observe(durable: embedded)
        case .vote(let signed): observe(valid: .vote(signed))
        case .certificate(let votes): for statement in statements(of: votes) { observe(valid: statement) }
        case .adopt(let certified), .headerSynced(let certified), .stateSynced(let certified):
            observe(durable: certified)
        case .address, .evidence, .conflictingCertificate, .abstention, .action, .review, .verdict: break
        }
    }

    func observe(durable certified: CertifiedVersion) {
        observe(durable: certified.embedded)
        for statement in statements(of: certified.certificate) { observe(valid: statement) }
        for contribution in certified.contributions { observe(valid: .contribution(contribution)) }
    }

    private func observe(durable embedded: EmbeddedPayload) {
        for closed in embedded.closings.flatMap(\.statements) { observe(valid: .closed(closed)) }
        for ready in embedded.ready { observe(valid: .ready(ready)) }
        for votes in embedded.availability {
            for statement in statements(of: votes) { observe(valid: statement) }
        }
    }

    /// Signatures on the own disk were checked before they came there, and evidence is checked again as a whole.
    private func observe(valid statement: SignedStatement) {
        guard isWatched(statement.subject) else { return }
        enter(statement)
    }
}
