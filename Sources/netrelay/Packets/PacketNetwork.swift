import Crypto

/// What every path and every site's line is like.
struct Conditions: Sendable {
    /// One way.
    var delayMilliseconds: UInt64 = 0
    /// How many of a million packets are lost, each by itself.
    var lossPerMillion: UInt64 = 0
    /// Of each site's line, for each direction; 0 for no limit.
    var bitsPerSecond: UInt64 = 0
    /// What waits before a line before packets are dropped.
    var queueBytesMaximum: UInt64 = 256 << 10
}

/// Decides the fate of every packet, without input and output: out of its site by that site's line, lost or not, over the
/// path with its delay, and in by the other site's line.
///
/// Whether the k-th packet of a path is lost follows from the seed, the path and k alone.
struct PacketNetwork {
    enum Fate: Equatable {
        case delivered
        case cut
        case lost
        /// The queue before a line was full.
        case crowdedOut
    }

    struct Count: Equatable {
        var packets: [Fate: UInt64] = [:]
        var deliveredBytes: UInt64 = 0
    }

    struct Packet {
        let path: Path
        let bytes: [UInt8]
    }

    private enum Stage {
        case arriving
        case leaving
    }

    private struct Transit {
        let packet: Packet
        let stage: Stage
    }

    let conditions: Conditions
    var paths: Paths
    private(set) var counts: [Path: Count] = [:]
    private var outward: [Line]
    private var inward: [Line]
    private var losses: [Path: SeededRandom] = [:]
    private var queue = DeliveryQueue<Transit>()

    init(paths: Paths, conditions: Conditions, seed: UInt64) {
        self.paths = paths
        self.conditions = conditions
        let line = Line(bitsPerSecond: conditions.bitsPerSecond, queueBytesMaximum: conditions.queueBytesMaximum)
        outward = paths.sites.map { _ in line }
        inward = outward
        var random = SeededRandom(simulationSeed: seed)
        for from in paths.sites {
            for to in paths.sites where from != to { losses[Path(from: from, to: to)] = random.split() }
        }
    }

    /// When something happens next, in nanoseconds.
    var nextInstant: UInt64? { queue.nextInstant }

    /// A packet leaves its site.
    mutating func take(_ packet: Packet, at now: UInt64) {
        guard let isLost = drawLoss(packet.path) else { return }
        if paths.isCut(packet.path) { return note(packet, .cut) }
        guard let sent = outward[packet.path.from.value].carry(packet.bytes.count, at: now) else {
            return note(packet, .crowdedOut)
        }
        // It took its time on the line before it was lost.
        if isLost { return note(packet, .lost) }
        queue.insert(
            Transit(packet: packet, stage: .arriving), at: sent + conditions.delayMilliseconds * 1_000_000)
    }

    /// The packets that reach their site up to `now`, in order.
    mutating func deliveries(at now: UInt64) -> [Packet] {
        var delivered: [Packet] = []
        while let (instant, transit) = queue.removeFirst(notAfter: now) {
            switch transit.stage {
            case .arriving:
                guard
                    let through = inward[transit.packet.path.to.value].carry(transit.packet.bytes.count, at: instant)
                else {
                    note(transit.packet, .crowdedOut)
                    continue
                }
                queue.insert(Transit(packet: transit.packet, stage: .leaving), at: through)
            case .leaving:
                note(transit.packet, .delivered)
                delivered.append(transit.packet)
            }
        }
        return delivered
    }

    /// Nil for a path that is none.
    private mutating func drawLoss(_ path: Path) -> Bool? {
        guard losses[path] != nil else { return nil }
        guard conditions.lossPerMillion > 0 else { return false }
        return losses[path]!.next() % 1_000_000 < conditions.lossPerMillion
    }

    private mutating func note(_ packet: Packet, _ fate: Fate) {
        counts[packet.path, default: Count()].packets[fate, default: 0] += 1
        if fate == .delivered { counts[packet.path]!.deliveredBytes += UInt64(packet.bytes.count) }
    }
}

extension PacketNetwork {
    /// One line a path on which anything was sent, ascending.
    var report: [String] {
        counts.keys.sorted().map { path in
            let count = counts[path]!
            func packets(_ fate: Fate) -> UInt64 { count.packets[fate] ?? 0 }
            return "\(paths.name(of: path.from)) \(paths.name(of: path.to)) delivered=\(packets(.delivered)) "
                + "bytes=\(count.deliveredBytes) lost=\(packets(.lost)) crowded-out=\(packets(.crowdedOut)) "
                + "cut=\(packets(.cut))"
        }
    }
}
