import Crypto
import Gossip
import Ledger

/// One seed from its beginning to its verdict.
extension Cluster {
    /// Faults for a while, then healing, then the wait for two more versions everywhere.
    ///
    /// - Parameter healsAtOnce: for a scenario that has caused its trouble already.
    public func run(healsAtOnce: Bool = false) -> Outcome {
        while !healsAtOnce && !isChaosOver { if !advance() { return outcome() } }
        heal()
        let healing = now
        checkers.checkRecoverable { [unowned self] in !sites(of: $0).allSatisfy(\.isDead) }
        let limit = now + 1_000 * options.healingLimitMilliseconds
        while !hasRecovered {
            guard now < limit else {
                checkers.report(.noProgress, noProgressReport())
                break
            }
            if !advance() { return outcome() }
        }
        measures.recoveryMaximum = now.milliseconds - healing.milliseconds
        checkViews()
        return outcome()
    }

    /// Steps until `condition` holds; whether it came to hold before `limit`.
    func run(until limit: SimulatedTime, _ condition: () -> Bool) -> Bool {
        while !condition() {
            guard now < limit, advance() else { return false }
        }
        return true
    }

    /// A step; false where a violation makes going on pointless.
    func advance() -> Bool {
        guard step() else {
            checkers.report(.noProgress, "nothing is left to happen; \(noProgressReport())")
            return false
        }
        if measures.occurrences > options.occurrencesMaximum {
            checkers.report(.unboundedQueue, "\(measures.occurrences) occurrences; \(noProgressReport())")
        }
        return checkers.violations.isEmpty
    }

    private var isChaosOver: Bool {
        now.milliseconds >= faults.chaosMaximum
            || sites.contains { $0.isHonest && $0.disk.height.value + 2 >= options.heights }
    }

    /// Whether every honest member that lives is two versions above where healing found the highest.
    var hasRecovered: Bool {
        let roster = checkers.newestRoster
        return sites.allSatisfy { site in
            !site.isHonest || site.isDead || site.disk.height.value >= healedHeight + 2
                || !roster.contains(site.identity.member)
        }
    }

    func noProgressReport() -> String {
        var lines = ["healed at height \(healedHeight)"]
        for site in sites where site.isHonest && !site.isDead {
            guard let process = site.process else {
                lines.append("member \(site.member) is down")
                continue
            }
            let report = process.node.report(now: process.clock.reading(at: now))
            let waits = report.waits.map { "\(checkers.index($0.member) ?? -1):\($0.reason.rawValue)" }
            let candidates = report.candidates.map {
                "\(checkers.index($0.contribution.author) ?? -1)@\($0.contribution.baseHeight)"
                    + " \($0.piecesHeld)/\($0.contribution.pieceCount) pieces \($0.availabilityVotes) availability votes"
                    + ($0.isAvailable ? " available" : "")
            }
            lines.append(
                "member \(site.member) height \(report.height) view \(report.view) \(report.phase.rawValue)"
                    + " links \(report.linkedMembers.count) claimed \(report.highestClaimed)"
                    + " waits [\(waits.joined(separator: " "))] candidates [\(candidates.joined(separator: ", "))]")
        }
        return lines.joined(separator: "\n    ")
    }

    /// The verdict. To be asked once.
    func outcome() -> Outcome {
        checkers.checkInclusion()
        checkBounds()
        checkConvictions()
        return Outcome(
            seed: options.seed, nodes: options.nodes, heightsAsked: options.heights, violations: checkers.violations,
            traceDigest: trace.digest(),
            heights: UInt64(checkers.versions.count), faults: counts, measures: measures, duration: now,
            signaturesVerified: verifier.computed)
    }
}

/// What became of one seed.
public struct Outcome: Sendable {
    public let seed: UInt64
    public let nodes: Int
    /// `ClusterOptions.heights`.
    public let heightsAsked: UInt64
    public let violations: [Violation]
    /// Equal for two runs of a seed, in whatever process.
    public let traceDigest: Digest
    /// Certified versions.
    public let heights: UInt64
    public let faults: FaultCounts
    public let measures: Measures
    public let duration: SimulatedTime
    /// Signatures that the nodes had to compute, the shared memory of verified ones apart.
    public let signaturesVerified: UInt64

    public var holds: Bool { violations.isEmpty }
}
