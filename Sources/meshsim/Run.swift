import ArgumentParser
import Foundation
import Simulator
import Synchronization

/// `meshsim run`: seed after seed, until all hold or some do not.
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run a range of seeds and check every promise.")

    @OptionGroup var world: WorldArguments

    @Option(help: "Seeds, as 17, 0..<1000 or 0...999.")
    var seeds = SeedRange(argument: "0..<100")!

    @Option(help: "Threads, each with worlds of its own.")
    var workers = 2

    @Flag(help: "Print what happens in each world.")
    var trace = false

    @Flag(help: "Print the totals as JSON.")
    var json = false

    @Option(help: "Stop after this many failing seeds.")
    var failures = 10

    func validate() throws {
        guard (1...256).contains(workers) else { throw ValidationError("--workers is 1 to 256, not \(workers)") }
    }

    func run() throws {
        let start = ContinuousClock.now
        let board = Board(next: seeds.seeds.lowerBound)
        // Lines of several worlds at once would be unreadable.
        let count = trace ? 1 : min(workers, seeds.seeds.count)
        let group = DispatchGroup()
        for _ in 0..<count {
            group.enter()
            let thread = Thread {
                work(board)
                group.leave()
            }
            thread.stackSize = 16 << 20
            thread.start()
        }
        group.wait()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let totals = board.totals.withLock { $0 }
        let report = TotalsReport(totals: totals, nodes: world.nodes, workers: count, seconds: seconds)
        print(json ? try report.json : report.text)
        if !totals.failedSeeds.isEmpty { throw ExitCode(1) }
    }

    private func work(_ board: Board) {
        while let seed = board.take(below: seeds.seeds.upperBound, failuresMaximum: failures) {
            let outcome = World(world.options(seed: seed), print: trace ? { print($0) } : nil).run()
            board.totals.withLock { totals in
                totals.add(outcome)
                if !outcome.holds { print(failure(outcome)) }
                if !json, totals.seeds.isMultiple(of: 100) {
                    print("\(totals.seeds) seeds, \(totals.heights) versions, \(totals.failedSeeds.count) failed")
                }
            }
        }
    }

    private func failure(_ outcome: Outcome) -> String {
        let lines = outcome.violations.prefix(10).map { "  \($0)" }.joined(separator: "\n")
        let heights = world.heights == 5 ? "" : " --heights \(world.heights)"
        return """
            FAILED seed \(outcome.seed) of \(outcome.nodes) nodes at \(outcome.duration) ms:
            \(lines)
              replay: meshsim run --nodes \(outcome.nodes)\(heights) --seeds \
            '\(outcome.seed)..<\(outcome.seed + 1)' --trace
            """
    }
}

/// What the workers share.
private final class Board: Sendable {
    let totals = Mutex(Totals())
    private let next: Mutex<UInt64>

    init(next: UInt64) { self.next = Mutex(next) }

    func take(below end: UInt64, failuresMaximum: Int) -> UInt64? {
        guard totals.withLock({ $0.failedSeeds.count }) < failuresMaximum else { return nil }
        return next.withLock { next in
            guard next < end else { return nil }
            defer { next += 1 }
            return next
        }
    }
}
