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
        let builder = try ChainBuilder()
        #expect(builder.network.description == Self.networkOfTheWorld)
        #expect(Rules().digest.description == Self.defaultRules)
    }

    private static let networkOfTheWorld = "c5611abe53b5c33311d5eccd27dbaf4a58cb7cee4f8045e49626c028ec2abab8"
    private static let defaultRules = "a01c2417ab3c9f45b56eae83d69f193f2831d86c1ef7822f8045e4c37d254d69"
}
