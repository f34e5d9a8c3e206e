import Foundation
import Simulator
import System

/// Runs clusters on several threads, seed after seed, until the seeds or the time are over or too many have failed.
struct SeedRunner: Sendable {
    let seeds: Range<UInt64>
    /// No seed is begun after this instant.
    var deadline: ContinuousClock.Instant?
    let workers: Int
    let failuresMaximum: Int
    /// Whether a person reads along: failures as they happen, and how far it is.
    let isQuiet: Bool
    var print: (@Sendable (String) -> Void)?
    /// Told of each cluster, from any thread.
    var ended: (@Sendable (Outcome) -> Void)?
    let options: @Sendable (UInt64) -> ClusterOptions

    func run() -> Totals {
        let board = Board(next: seeds.lowerBound)
        let group = DispatchGroup()
        for _ in 0..<workers {
            group.enter()
            let thread = Thread {
                work(board)
                group.leave()
            }
            thread.stackSize = 16 << 20
            thread.start()
        }
        group.wait()
        return board.totals.withLock { $0 }
    }

    private func work(_ board: Board) {
        while let seed = take(board) {
            let outcome = Cluster(options(seed), print: print).run()
            ended?(outcome)
            board.totals.withLock { totals in
                totals.add(outcome)
                if !outcome.holds { Swift.print(FailureReport(outcome: outcome).text) }
                if !isQuiet, totals.seeds.isMultiple(of: 1_000) {
                    Swift.print(
                        "\(totals.seeds) seeds, \(totals.heights) versions, \(totals.failures.count) failed")
                }
            }
        }
    }

    private func take(_ board: Board) -> UInt64? {
        guard board.totals.withLock({ $0.failures.count }) < failuresMaximum else { return nil }
        if let deadline, ContinuousClock.now >= deadline { return nil }
        return board.next.withLock { next in
            guard next < seeds.upperBound else { return nil }
            defer { next += 1 }
            return next
        }
    }
}

/// What the workers share.
private final class Board: Sendable {
    let totals = Guarded(Totals())
    let next: Guarded<UInt64>

    init(next: UInt64) { self.next = Guarded(next) }
}

/// What a failing seed's checkers saw, and the line that runs it again.
struct FailureReport {
    let outcome: Outcome

    var text: String {
        let lines = outcome.violations.prefix(10).map { "  \($0)" }.joined(separator: "\n")
        return """
            FAILED seed \(outcome.seed) of \(outcome.nodes) nodes at \(outcome.duration) ms:
            \(lines)
              replay: \(FailureReport.replay(outcome))
            """
    }

    static func replay(_ outcome: Outcome) -> String {
        let heights = outcome.heightsAsked == 5 ? "" : " --heights \(outcome.heightsAsked)"
        return "meshsim run --nodes \(outcome.nodes)\(heights) --seed \(outcome.seed) --trace"
    }
}
