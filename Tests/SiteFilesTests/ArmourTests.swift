import Crypto
import Ledger
import SiteFiles
import Testing

@Suite struct ArmourTests {
    private var slot: Slot { Slot(author: MemberID(.zero), base: VersionDigest(.zero)) }

    private func decode(_ text: String) throws -> Slot {
        try Armour.decode(Slot.self, Armour.card, Array(text.utf8), name: "x")
    }

    @Test func textAroundTheBlockIsIgnored() throws {
        let armour = Armour.encode(slot, as: Armour.card)
        #expect(try decode(armour) == slot)
        #expect(try decode("Dear all,\n\n" + armour + "\nRegards") == slot)
        #expect(try decode(armour.replacing("\n", with: "\r\n  ")) == slot)
        #expect(try decode("\u{feff}" + armour.replacing("\n", with: "\r\n")) == slot)
        #expect(try decode(armour.replacing("\n", with: "\r")) == slot)
    }

    @Test func damageIsNamed() throws {
        let armour = Armour.encode(slot, as: Armour.card)
        #expect(throws: SiteFileError.self) { try decode("nothing here") }
        #expect(throws: SiteFileError.self) { try decode(armour.replacing("CARD", with: "SIGNATURE")) }
        #expect(throws: SiteFileError.self) { try decode(String(armour.dropLast(30))) }
        var lines = armour.split(separator: "\n").map(String.init)
        lines[1] = "*" + lines[1].dropFirst()
        #expect(throws: SiteFileError.self) { try decode(lines.joined(separator: "\n")) }
    }

    @Test(arguments: 0..<4)
    func mutatedArmourIsRefusedOrDecodesToARecord(seed: UInt64) throws {
        let good = Array(Armour.encode(slot, as: Armour.card).utf8)
        var random = SeededRandom(simulationSeed: seed)
        for _ in 0..<300 {
            var bytes = good
            let position = Int.random(in: 0..<bytes.count, using: &random)
            if Bool.random(using: &random) {
                bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            } else {
                bytes.remove(at: position)
            }
            if let other = try? Armour.decode(Slot.self, Armour.card, bytes, name: "x") {
                #expect(try Slot(encoded: other.encoded) == other)
            }
        }
    }
}
