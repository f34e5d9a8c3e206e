import Crypto
import Ledger

/// What colluders are after in a directed cluster, all of them together, beyond what each behaviour does by itself.
struct CollusionPlan {
    /// Whose contributions they neither name, nor list, nor vote for.
    var shunned: Set<MemberID> = []
    /// What they name as complete in their ready records and carry as leaders, one after the other, whether or not it
    /// may stand there.
    var actions: [CompleteAction] = []
    /// The roots that they say a replay gave, and switch to as leaders.
    var replayed: StateRoots?

    /// Payloads that they showed as leaders.
    private(set) var proposed: Set<VersionDigest> = []
    /// Whether what leaves a colluder now is of the plan, and not of its own node.
    var isSpeaking = false
    /// What each colluder said that it is ready with, by height and position: one record a height, so that nobody can
    /// prove anything against it.
    var ready: [Height: [Int: Signed<Ready>]] = [:]
    /// Where a colluder has led, and how it voted: once each.
    var led: Set<Coalition.LedPlace> = []
    var votes: Set<Coalition.Said> = []
    /// Payloads that were on a wire.
    private var payloads: [VersionDigest: Version] = [:]

    init(shunned: Set<MemberID> = [], replayed: StateRoots? = nil) {
        self.shunned = shunned
        self.replayed = replayed
    }

    mutating func heard(_ scan: RecordScan) {
        for payload in scan.payloads { payloads[payload.version.versionDigest] = payload.version }
    }

    mutating func propose(_ version: VersionDigest) { proposed.insert(version) }

    /// The action of this height.
    func action(at height: Height) -> CompleteAction? {
        actions.isEmpty ? nil : actions[Int(height.value % UInt64(actions.count))]
    }

    /// Whether colluders want this version to be certified, as far as they know it.
    func wants(_ version: VersionDigest) -> Bool {
        if proposed.contains(version) { return true }
        guard let known = payloads[version], !shunned.isEmpty else { return false }
        return !known.manifest.contains { shunned.contains($0.slot.author) }
    }
}

extension Coalition {
    struct Said: Hashable {
        let colluder: Int
        let vote: Vote
    }
}
