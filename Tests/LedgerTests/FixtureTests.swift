import Crypto
import Foundation
import Testing

@testable import Ledger

/// The bytes of every record are pinned in Fixtures/records.txt. A difference there is a change of the format: other
/// members would no longer understand this one. To approve such a change, run these tests with
/// MESH_APPROVE_RECORD_FORMAT=1 and commit what they write.
@Suite(.serialized) struct FixtureTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "Fixtures/records.txt")

    private static func pinned() throws -> [String: String] {
        var lines: [String: String] = [:]
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let parts = line.split(separator: " ")
            try #require(parts.count == 2)
            lines[String(parts[0])] = String(parts[1])
        }
        return lines
    }

    @Test func bytesOfEveryRecordArePinned() throws {
        let samples = try Sample.all()
        if ProcessInfo.processInfo.environment["MESH_APPROVE_RECORD_FORMAT"] == "1" {
            let text = samples.map { "\($0.name) \(Hex.encode($0.encoded))\n" }.joined()
            try text.write(to: Self.file, atomically: true, encoding: .utf8)
        }
        let pinned = try Self.pinned()
        #expect(Set(pinned.keys) == Set(samples.map(\.name)))
        for sample in samples {
            #expect(pinned[sample.name] == Hex.encode(sample.encoded), "the bytes of \(sample.name) changed")
        }
    }

    @Test func pinnedBytesDecodeToTheirRecords() throws {
        let pinned = try Self.pinned()
        for sample in try Sample.all() {
            let text = try #require(pinned[sample.name])
            let bytes = try #require(Hex.decode(text))
            #expect(try sample.roundTrip(bytes) == bytes)
        }
    }

    @Test func digestsOfStatementsArePinned() throws {
        let world = try World()
        #expect(world.network.description == Self.networkOfTheWorld)
        #expect(Rules().digest.description == Self.defaultRules)
    }

    private static let networkOfTheWorld = "bd403edb211acfa8b8f6ca3ff53a9c735ee6cb0692e0117cd0e4bde5027ce471"
    private static let defaultRules = "43d09b722ca6f671d261b7774e924b90f3a7f0d4b9212f80f73e8b717e05131c"
}
