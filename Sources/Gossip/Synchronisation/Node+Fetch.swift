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
        let peers = order.shuffled(using: &random).prefix(2)
        for link in peers { actions.append(.send(link, bytes)) }
    }

    /// A peer lacks something that this node may hold. Of versions, which are large, it gets one a message.
    func received(fetch items: [FetchItem], from link: LinkID) {
        var versionIsSent = false
        for item in items {
            switch item {
            case .payload(let version):
                if let payload = height.payloads[version] {
                    send(.payload(payload), to: link)
                } else if let head = headVersion, chain.headDigest == version {
                    send(.certified(head.embedded.payload, head.certificate), to: link)
                }
            case .ready(let digest):
                let embedded = headVersion?.embedded.ready.first { $0.objectDigest == digest }
                if let ready = height.readyObjects[digest] ?? embedded { send(.ready(ready), to: link) }
            case .availability(let digest):
                let embedded = headVersion?.embedded.availability.first { $0.digest == digest }
                if let certificate = contributions.certificates[digest] ?? embedded {
                    send(.acks(certificate), to: link)
                }
            case .contribution(let digest):
                if let candidate = contributions[digest] {
                    guard candidate.isAnnounced else { continue }
                    send(.contribution(candidate.signed), to: link)
                    if candidate.pieces.setCount > 0 { send(.have(digest, pieces: candidate.pieces), to: link) }
                } else if let listed = headVersion?.contributions.first(where: {
                    $0.body.contributionDigest == digest
                }) {
                    send(.contribution(listed), to: link)
                }
            case .notarization(let view):
                if let certificate = height.views[view]?.notarization { send(.votes(certificate), to: link) }
            case .nullification(let view):
                if let certificate = height.views[view]?.nullification { send(.votes(certificate), to: link) }
            case .version(let wanted):
                guard !versionIsSent, wanted > .genesis, wanted <= chain.height else { continue }
                versionIsSent = true
                actions.append(.sendVersion(link, wanted))
            }
        }
    }
}

/// When each lacking thing was last asked for.
struct FetchLog {
    private var asked: [FetchItem: Instant] = [:]

    private static let capacity = 4096

    func isDue(_ item: FetchItem, now: Instant, interval: UInt64) -> Bool {
        asked[item].map { now.since($0) >= interval } ?? true
    }

    mutating func note(_ item: FetchItem, now: Instant) {
        if asked.count >= FetchLog.capacity { asked = [:] }
        asked[item] = now
    }
}
