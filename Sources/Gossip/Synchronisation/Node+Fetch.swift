import Ledger

extension Node {
    /// Asks for what lacks, each thing at most twice a standstill interval: of two peers drawn at random, so that one
    /// that withholds is soon passed by.
    func fetch(_ items: [FetchItem]) {
        let due = items.filter { pacing.fetches.isDue($0, now: now, interval: timing.standstill / 2) }
            .prefix(Wire.fetchItemsMaximum)
        guard !due.isEmpty else { return }
        let order = links.order
        guard !order.isEmpty else { return }
        for item in due { pacing.fetches.note(item, now: now) }
        let bytes = Message.fetch(Array(due)).encoded
        // Of members first: who only looks on may lack it.
        let shuffled = order.shuffled(using: &random)
        let members = shuffled.filter { link in links[link].map { chain.members[$0.member] != nil } ?? false }
        let peers = (members + shuffled.filter { !members.contains($0) }).prefix(2)
        for link in peers { actions.append(.send(link, bytes)) }
    }

    /// A peer lacks things that this node may hold: each is answered once a message, and of versions, which are large,
    /// only the first. Beyond `AnswerBudget` nothing is answered for a while, and the peer asks others.
    func received(fetch items: [FetchItem], from link: LinkID) {
        var answered: Set<FetchItem> = []
        let version = items.first { if case .version = $0 { true } else { false } }
        let window = timing.standstill / 4
        for item in items where answered.insert(item).inserted {
            if case .version = item, item != version { continue }
            guard links[link]?.fetchAnswers.hasRoom(now: now, windowMilliseconds: window) ?? false else { return }
            let before = actions.count
            answer(item, on: link)
            let bytes = actions[before...].reduce(0) { sum, action in
                if case .send(_, let bytes) = action { sum + bytes.count } else { sum }
            }
            links.update(link) { $0.fetchAnswers.add(bytes, now: now, windowMilliseconds: window) }
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
            let embedded = headVersion?.embedded.ready.first { $0.objectDigest == digest }
            if let ready = height.readyObjects[digest] ?? embedded { send(.ready(ready), to: link) }
        case .closed(let digest):
            let embedded = headVersion?.embedded.closings.lazy.flatMap(\.statements).first { $0.objectDigest == digest }
            if let closed = commitments.object(digest) ?? embedded { send(.closed(closed), to: link) }
        case .closing(let digest):
            let embedded = headVersion?.embedded.closings.lazy.map(\.names).first { $0.digest == digest }
            if let names = commitments.closings[digest] ?? embedded { send(.closing(names), to: link) }
        case .commitment(let digest):
            for base in chain.bases {
                for closed in commitments[base.digest]?.statements(naming: digest) ?? [] {
                    send(.closed(closed), to: link)
                }
            }
        case .availability(let digest):
            let embedded = headVersion?.embedded.availability.first { $0.digest == digest }
            if let certificate = contributions.certificates[digest] ?? embedded { send(.acks(certificate), to: link) }
        case .contribution(let digest): answer(contribution: digest, on: link)
        case .action(let digest):
            let embedded = headVersion?.embedded.action.flatMap { $0.objectDigest == digest ? $0 : nil }
            if let action = height.actions[digest] ?? embedded { send(.carried(action), to: link) }
        case .proposal(let digest): answer(proposal: digest, on: link)
        case .notarization(let view):
            if let certificate = height.views[view]?.notarization { send(.votes(certificate), to: link) }
        case .nullification(let view):
            if let certificate = height.views[view]?.nullification { send(.votes(certificate), to: link) }
        case .version(let wanted):
            if wanted > .genesis, wanted <= chain.height { actions.append(.sendVersion(link, wanted)) }
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
        } else if let listed = headVersion?.contributions.first(where: { $0.body.contributionDigest == digest }) {
            send(.contribution(listed), to: link)
        }
    }
}

/// When each lacking thing was last asked for.
struct FetchLog {
    private var asked: [FetchItem: Instant] = [:]

    private static let capacity = 4096

    var count: Int { asked.count }

    func isDue(_ item: FetchItem, now: Instant, interval: UInt64) -> Bool {
        asked[item].map { now.since($0) >= interval } ?? true
    }

    mutating func note(_ item: FetchItem, now: Instant) {
        if asked.count >= FetchLog.capacity { asked = [:] }
        asked[item] = now
    }
}
