import Foundation
import Simulator
import TestKit
import Testing

/// Hashing is seeded anew in every process: what depends on the order of a Set or Dictionary shows here.
struct ProcessTests {
    @Test(arguments: [(nodes: 4, seed: UInt64(3)), (nodes: 7, seed: 11)])
    func aSeedIsTheSameWorldInEveryProcess(nodes: Int, seed: UInt64) throws {
        let digest = Cluster(ClusterOptions(nodes: nodes, seed: seed)).run().traceDigest.description
        for _ in 0..<2 {
            #expect(try run(["trace-digest", "--nodes", "\(nodes)", "--seed", "\(seed)"]).output == digest + "\n")
        }
    }

    @Test func runPrintsItsTotalsAsJSON() throws {
        let result = try run(["run", "--nodes", "4", "--seeds", "0..<3", "--json"])
        #expect(result.status == 0)
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        #expect(object["seeds"] as? Int == 3)
        #expect((object["failed_seeds"] as? [Int])?.isEmpty == true)
        #expect((object["faults"] as? [String: Int])?.keys.sorted() == FaultCounts().named.map(\.name).sorted())
    }

    @Test(arguments: ["9..<9", "5...4", "x", "1..", "-3", "18446744073709551615", "0...18446744073709551615"])
    func seedsThatAreNoneAreRefused(seeds: String) throws {
        #expect(try run(["run", "--seeds", seeds]).status != 0)
    }

    private func run(_ arguments: [String]) throws -> Command.Result {
        try Command(Command.path(ofProduct: "meshsim")).run(arguments)
    }
}
