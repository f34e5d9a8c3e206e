/// Where a directed scenario crashes a site: around its nth batch, counted over all lives.
public struct CrashPoint: Hashable, Sendable, CustomStringConvertible {
    public enum Phase: String, Sendable, CaseIterable {
        /// The batch was asked for and is lost.
        case asked
        /// It is durable; the process never hears of it, so nothing that waits for it is sent.
        case durable
        /// It was reported, and of what waited for it a part was sent; all of it where that is a single thing.
        case reported
    }

    public let member: Int
    /// From 1 on.
    public let batch: Int
    public let phase: Phase
    /// Whether every site goes down in the same moment.
    public let takesAll: Bool

    public init(member: Int, batch: Int, phase: Phase, takesAll: Bool = false) {
        self.member = member
        self.batch = batch
        self.phase = phase
        self.takesAll = takesAll
    }

    public var description: String {
        "member \(member), batch \(batch) \(phase.rawValue)\(takesAll ? ", everybody" : "")"
    }
}
