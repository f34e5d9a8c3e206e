import Crypto
import Testing

@testable import Ledger

/// Decodes `bytes` as every kind of record: each either throws or gives back exactly these bytes. Also the body of a
/// fuzz target.
func recordFuzzEntry(_ bytes: [UInt8], as samples: [Sample]) {
    for sample in samples {
        if let again = try? sample.roundTrip(bytes) { #expect(again == bytes, "\(sample.name): \(Hex.encode(bytes))") }
    }
}

@Suite struct MutationTests {
    @Test(arguments: 0..<8)
    func mutatedRecordsAreRefusedOrIdentical(seed: UInt64) throws {
        let samples = try Sample.all()
        var random = SeededRandom(simulationSeed: seed)
        for sample in samples {
            for _ in 0..<40 {
                let bytes = Self.mutated(sample.encoded, using: &random)
                if let again = try? sample.roundTrip(bytes) {
                    #expect(again == bytes, "\(sample.name): \(Hex.encode(bytes))")
                }
            }
        }
    }

    @Test func everyKindRefusesOrKeepsTheBytesOfEveryOther() throws {
        let samples = try Sample.all()
        for sample in samples { recordFuzzEntry(sample.encoded, as: samples) }
    }

    @Test(arguments: 0..<4)
    func randomBytesAreRefusedOrIdentical(seed: UInt64) throws {
        let samples = try Sample.all()
        var random = SeededRandom(simulationSeed: 1000 + seed)
        for _ in 0..<200 {
            let count = Int.random(in: 0..<64, using: &random)
            recordFuzzEntry((0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }, as: samples)
        }
    }

    @Test func everyTruncationIsRefused() throws {
        for sample in try Sample.all() {
            for count in Swift.stride(from: 0, to: sample.encoded.count, by: max(1, sample.encoded.count / 97)) {
                #expect(throws: RecordError.self) { try sample.roundTrip(Array(sample.encoded.prefix(count))) }
            }
        }
    }

    /// One to four flips, insertions, removals, repetitions or cuts.
    private static func mutated(_ bytes: [UInt8], using random: inout SeededRandom) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let position = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[position] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
            case 3: bytes.remove(at: position)
            case 4:
                let end = min(bytes.count, position + Int.random(in: 1...40, using: &random))
                bytes.insert(contentsOf: bytes[position..<end], at: position)
            default: bytes.removeSubrange(position...)
            }
        }
        return bytes
    }
}
