import Crypto
import Gossip
import Ledger

/// One machine of a simulated world: a disk, and at times a running process. An honest member has one; a twin two.
final class Site {
    let index: Int
    let member: Int
    let identity: NodeIdentity
    let behaviour: ByzantineBehaviour?
    var disk = SimulatedDisk()
    var process: Process?
    /// Grows with every start, so that what was planned for an earlier life never reaches a later one.
    var life: UInt64 = 0
    var random: SeededRandom
    var crashTrigger: CrashTrigger?
    /// Batches asked for, over all lives: names the points at which a directed scenario crashes.
    var batchesAsked = 0
    /// Messages that a replaying member keeps.
    private var remembered: [[UInt8]] = []
    /// Whether it stays down from now on.
    var isDead = false

    init(index: Int, member: Int, identity: NodeIdentity, behaviour: ByzantineBehaviour?, random: SeededRandom) {
        self.index = index
        self.member = member
        self.identity = identity
        self.behaviour = behaviour
        self.random = random
    }

    var isHonest: Bool { behaviour == nil }

    func remember(_ bytes: [UInt8]) {
        if remembered.count < 256 { remembered.append(bytes) }
    }

    /// One of the remembered messages; there is one.
    func recall(_ random: inout SeededRandom) -> [UInt8] { random.pick(remembered) }
}

/// Where the next crash of a site happens, when not at once.
enum CrashTrigger: Equatable {
    /// The batch that is waited for next is lost.
    case beforeSync
    /// It is durable, and the process never hears of it.
    case afterSync
    /// Between two actions of a turn.
    case midTurn
}

/// A running node and what its shell holds in memory for it.
final class Process {
    let node: Node
    /// Its clock's reading when the world began, in milliseconds: no two lives count from the same start.
    let clockStart: UInt64
    var timerGeneration: UInt64 = 0
    var links: [LinkID: LinkEnd] = [:]
    var nextLink: UInt64 = 1
    var nextHandle: UInt64 = 1
    var handles: [PieceHandle: ProvenPiece] = [:]
    /// Batches that are not durable yet, and batches that are but were not reported.
    var batches: [(ticket: PersistTicket, entries: [JournalEntry])] = []
    var lastSync = SimulatedTime.zero
    var lastReport = SimulatedTime.zero
    /// Parameters that averagings gave.
    var candidates: Set<Digest> = []
    /// Contributions whose blobs were given up while a job on them may still run.
    var forgotten: Set<ContributionDigest> = []
    /// The base that the trainer works on.
    var training: VersionDigest?

    init(node: Node, clockStart: UInt64) {
        self.node = node
        self.clockStart = clockStart
    }

    func instant(_ time: SimulatedTime) -> Instant { Instant(milliseconds: clockStart + time.milliseconds) }

    /// When the process' clock reads `instant`; at once where that is past.
    func time(_ instant: Instant) -> SimulatedTime {
        SimulatedTime(milliseconds: instant.milliseconds > clockStart ? instant.milliseconds - clockStart : 0)
    }
}

/// One end of a connection.
struct LinkEnd {
    let connection: Int
    /// 0 or 1.
    let end: Int
}

/// A link between two sites, which both see under an identifier of their own.
struct Connection {
    struct End {
        let site: Int
        let life: UInt64
        let link: LinkID
        /// Nothing arrives before its process knows the link.
        let upTime: SimulatedTime
        var isUp = false
        var isDown = false
        /// When the last message to this end arrives, for ordered links.
        var lastArrival: SimulatedTime
    }

    var ends: [End]
    /// Whether anything new that is put in still arrives.
    var isOpen = true
}
