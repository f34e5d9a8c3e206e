import Ledger
import Link

extension Node {
    /// Asks for what lacks, each thing at most twice per anti-entropy interval: of two peers drawn at random, so that
    /// one that withholds is soon passed by.
    func fetch(_ items: [FetchItem]) {
        let order = links.order
        guard !order.isEmpty else { return }
        let due = pacing.fetches.take(items, now: now, interval: timing.antiEntropyInterval / 2)
        guard !due.isEmpty else { return }
        let bytes = Message.fetch(due).encoded
        // Of members first: who only looks on may lack it.
        let shuffled = order.shuffled(using: &random)
        let members = shuffled.filter { link in links[link].map { chain.members[$0.member] != nil } ?? false }
        let peers = (members + shuffled.filter { !members.contains($0) }).prefix(2)
        for link in peers { effects.append(.send(link, bytes)) }
    }

    /// A peer lacks things that this node may hold: each is answered once a message, and of versions, which are large,
    /// only the first. Every item costs its sender, found or not. Beyond `AnswerBudgets` nothing is answered for a
    /// while, and the peer asks others.
    func received(fetch items: [FetchItem], from link: LinkID) {
        guard let member = links[link]?.member else { return }
        var answered: Set<FetchItem> = []
        let version = items.first { if case .version = $0 { true } else { false } }
        let window = timing.antiEntropyInterval / 4
        for item in items where answered.insert(item).inserted {
            if case .version = item, item != version { continue }
            guard answers.hasRoom(member, now: now, windowMilliseconds: window) else { return }
            let before = effects.count
            answer(item, on: link)
            let bytes = effects[before...].reduce(AnswerBudgets.bytesPerItem) { sum, effect in
                switch effect {
                case .send(_, let bytes): sum + bytes.count
                case .sendVersion: sum + AnswerBudgets.bytesPerVersion
                default: sum
                }
            }
            answers.charge(bytes, to: member, now: now, windowMilliseconds: window)
        }
    }

    private func answer(_ item: FetchItem, on link: LinkID) {
        switch item {
        case .payload(let version):
            if let payload = height.payloads[version] {
                send(.payload(payload), to: link)
            } else if let head = headVersion, chain.headDigest == version {
                sendCertified(head.embedded.payload, head.certificate, to: link)
            }
        case .ready(let digest):
            if let ready = height.readyObjects[digest] ?? headObjects?.ready[digest] { send(.ready(ready), to: link) }
        case .closed(let digest):
            if let closed = commitments.object(digest) ?? headObjects?.closed[digest] {
                send(.closed(closed), to: link)
            }
        case .closing(let digest):
            if let names = commitments.closings[digest] ?? headObjects?.closings[digest] {
                send(.closing(names), to: link)
            }
        case .commitment(let digest):
            for base in chain.bases {
                for closed in commitments[base.digest]?.statements(naming: digest) ?? [] {
                    send(.closed(closed), to: link)
                }
            }
        case .availability(let digest):
            if let certificate = contributions.certificates[digest] ?? headObjects?.availability[digest] {
                send(.availability(certificate), to: link)
            }
        case .contribution(let digest): answer(contribution: digest, on: link)
        case .action(let digest):
            if let action = height.actions[digest] ?? headObjects?.actions[digest] { send(.carried(action), to: link) }
        case .proposal(let digest): answer(proposal: digest, on: link)
        case .notarization(let view):
            if let certificate = height.views[view]?.notarization { send(.votes(certificate), to: link) }
        case .nullification(let view):
            if let certificate = height.views[view]?.nullification { send(.votes(certificate), to: link) }
        case .version(let wanted):
            if wanted > .genesis, wanted <= chain.height { effects.append(.sendVersion(link, wanted)) }
        }
    }

    func sendCertified(_ payload: Payload, _ certificate: VoteCertificate, to link: LinkID) {
        for message in Wire.certified(payload, certificate) { send(message, to: link) }
    }

    private func answer(contribution digest: ContributionDigest, on link: LinkID) {
        if let candidate = contributions[digest] {
            guard candidate.isAnnounced else { return }
            send(.contribution(candidate.signed), to: link)
            if candidate.pieces.setCount > 0, isShown(candidate) {
                send(.have(digest, pieces: candidate.pieces), to: link)
            }
        } else if let listed = headObjects?.contributions[digest] {
            send(.contribution(listed), to: link)
        }
    }
}

/// When each lacking thing was last asked for.
struct FetchLog {
    private var asked: [FetchItem: Instant] = [:]

    /// Things that are asked for within an interval. What does not fit waits for the next: if old entries were
    /// forgotten instead, more lacking things than these would be asked for at every event.
    static let capacity = 4096

    var count: Int { asked.count }

    /// Those of the items that may be asked for now, as many as one message takes; they count as asked for.
    mutating func take(_ items: [FetchItem], now: Instant, interval: UInt64) -> [FetchItem] {
        var due: [FetchItem] = []
        for item in items where due.count < Wire.fetchItemsMaximum {
            guard isDue(item, now: now, interval: interval) else { continue }
            if asked[item] == nil, asked.count >= FetchLog.capacity {
                asked = asked.filter { now.since($0.value) < interval }
                if asked.count >= FetchLog.capacity { break }
            }
            asked[item] = now
            due.append(item)
        }
        return due
    }

    func isDue(_ item: FetchItem, now: Instant, interval: UInt64) -> Bool {
        asked[item].map { now.since($0) >= interval } ?? true
    }
}
