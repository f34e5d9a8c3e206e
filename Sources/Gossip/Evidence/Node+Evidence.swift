import Crypto
import Ledger
import Link

extension Node {
    /// The set that judges this evidence; nil where this node cannot or will not judge.
    ///
    /// A place within the last `maxStaleness + 1` heights, the one that is being agreed on included, and always the
    /// height before that one, is judged by the keys that its set had. An older one only while the accused still holds
    /// the key of then: a key that was retired may have been stolen since, and what a thief makes of it says nothing of
    /// the member.
    func judges(of evidence: Evidence) -> MemberSet? {
        guard let members = chain.history.members(of: evidence.memberHeight),
            let accused = members[evidence.accused]
        else { return nil }
        let oldest = chain.bases.first?.height ?? chain.height
        if evidence.memberHeight >= min(oldest.next, chain.height) { return members }
        return chain.members[accused.id]?.nodeKey == accused.nodeKey ? members : nil
    }

    /// Keeps evidence that this node found or was given, if it is proof, new, and finds room.
    ///
    /// - Returns: false where it is no proof.
    @discardableResult
    func hold(_ found: Evidence, from link: LinkID? = nil) -> Bool {
        let name = found.name
        guard evidence.held[name] == nil else { return true }
        let byteCount = found.encoded.count
        guard evidence.hasRoom(for: found.accused, byteCount: byteCount) else {
            evidence.decline(name)
            return true
        }
        guard let members = judges(of: found) else { return true }
        guard found.isProof(in: members, network: chain.network, verifier: verifier) else { return false }
        evidence.insert(found, name: name, byteCount: byteCount)
        evidence.unsynced.append((found, link))
        return true
    }

    /// What a turn, or reading the journal, brought to light becomes durable in one batch.
    func persistEvidence() {
        guard !evidence.unsynced.isEmpty else { return }
        persist(
            evidence.unsynced.map { .evidence($0.evidence) },
            then: evidence.unsynced.map { .evidence($0.evidence, from: $0.link) })
        evidence.unsynced = []
    }

    func evidenceIsDurable(_ found: Evidence, from link: LinkID?) {
        evidence.show(found.name)
        for message in EvidenceMessage.messages(of: found) { send(message, to: .all(except: link)) }
        emit(.evidence(found))
    }

    func restore(_ found: Evidence) {
        let name = found.name
        evidence.insert(found, name: name, byteCount: found.encoded.count)
        evidence.show(name)
    }

    // MARK: Gossip

    func received(_ message: EvidenceMessage, from link: LinkID) {
        switch message {
        case .proof(let found): received(found, from: link)
        case .half(let ready):
            guard let other = evidence.halves[link], other.signer == ready.signer,
                other.body.height == ready.body.height, other.body != ready.body
            else {
                evidence.halves[link] = ready
                return
            }
            evidence.halves[link] = nil
            received(.ready(other, ready), from: link)
        case .held(let names): received(held: names, from: link)
        case .want(let names): received(want: names, from: link)
        }
    }

    private func received(_ found: Evidence, from link: LinkID) {
        if !hold(found, from: link) { cutOff(link, .invalidSignature) }
    }

    /// Tells a link what this node holds, if it holds anything.
    func announceEvidence(to link: LinkID) {
        var names = evidence.names
        guard !names.isEmpty else { return }
        if names.count > EvidenceMessage.namesMaximum {
            let start = evidence.announcements * EvidenceMessage.namesMaximum % names.count
            names = ((names + names)[start..<start + EvidenceMessage.namesMaximum]).sorted()
        }
        evidence.announcements += 1
        send(.evidence(.held(names)), to: link)
    }

    /// One link after the other is told at each tick, so that what was lost on the way comes again.
    func announceEvidenceInTurn() {
        let order = links.order
        guard !order.isEmpty else { return }
        announceEvidence(to: order[evidence.announcements % order.count])
    }

    /// A list costs its sender's link a bounded answer, at most once per quarter of the anti-entropy interval.
    private func received(held names: [Digest], from link: LinkID) {
        guard isDue(&evidence.listAnswered, link) else { return }
        let theirs = Set(names)
        // A full list may have left out what did not fit.
        if names.count < EvidenceMessage.namesMaximum { give(evidence.names.filter { !theirs.contains($0) }, to: link) }
        let lacking = names.filter { evidence.held[$0] == nil && !evidence.declined.contains($0) }
        if !lacking.isEmpty { send(.evidence(.want(lacking)), to: link) }
    }

    private func received(want names: [Digest], from link: LinkID) {
        guard isDue(&evidence.wishAnswered, link) else { return }
        give(names.filter { evidence.shown.contains($0) }, to: link)
    }

    private func isDue(_ answered: inout [LinkID: Instant], _ link: LinkID) -> Bool {
        if let last = answered[link], now.since(last) < timing.antiEntropyInterval / 4 { return false }
        answered[link] = now
        return true
    }

    /// At most so many bytes in one answer; the rest is asked for next time.
    private static let answerBytesMaximum = 256 << 10

    private func give(_ names: [Digest], to link: LinkID) {
        var bytes = 0
        for name in names {
            guard let found = evidence.held[name] else { continue }
            let encoded = EvidenceMessage.messages(of: found).map(\.encoded)
            bytes += encoded.reduce(0) { $0 + $1.count }
            guard bytes <= Node.answerBytesMaximum else { return }
            for message in encoded { effects.append(.send(link, message)) }
        }
    }
}
