import Crypto

@testable import Ledger

/// Changes one value somewhere in a tree of CBOR to another one of the same type or another type.
struct StructureMutation {
    private var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(simulationSeed: seed) }

    mutating func mutated(_ value: CBOR) -> CBOR {
        if Int.random(in: 0..<8, using: &random) == 0 { return replacement(of: value) }
        switch value {
        case .array(var items) where !items.isEmpty:
            let index = Int.random(in: items.indices, using: &random)
            items[index] = mutated(items[index])
            return .array(items)
        case .map(let entries) where !entries.isEmpty:
            let index = Int.random(in: entries.indices, using: &random)
            let changed = CBOR.Entry(key: entries[index].key, value: mutated(entries[index].value))
            return .map(entries[..<index] + [changed] + entries[(index + 1)...])
        default: return replacement(of: value)
        }
    }

    private mutating func replacement(of value: CBOR) -> CBOR {
        switch (value, Int.random(in: 0..<4, using: &random)) {
        case (_, 0):
            return [.null, .boolean(true), .text(""), .array([]), .unsigned(.max)].randomElement(using: &random)
                ?? .null
        case (.unsigned(let number), _):
            return .unsigned([0, 1, number &+ 1, number &- 1, 1 << 32, 1 << 63].randomElement(using: &random) ?? 0)
        case (.bytes(let bytes), 1): return .bytes(Array(bytes.dropLast()))
        case (.bytes(let bytes), 2): return .bytes(bytes + [0])
        case (.bytes(let bytes), _): return .bytes(bytes.map { _ in 0xff })
        case (.array(let items), 1): return .array(items.reversed())
        case (.array(let items), _): return .array(items + items.suffix(1))
        case (.map(let entries), _): return .map(Array(entries.dropLast()))
        case (.text(let text), _): return .text(text + "x")
        case (.boolean(let boolean), _): return .boolean(!boolean)
        case (.null, _): return .bytes([])
        }
    }
}
