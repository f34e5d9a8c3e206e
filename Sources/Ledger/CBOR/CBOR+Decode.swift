extension CBOR {
    /// Containers inside containers; our deepest record has five levels.
    static let depthLimit = 12

    /// The value whose one encoding is exactly `bytes`.
    ///
    /// Refuses everything that has another encoding: non-minimal integers, keys out of order or repeated, trailing
    /// bytes. Allocates no more than a constant times the bytes that are really there.
    public init(encoded bytes: [UInt8]) throws(RecordError) {
        var decoder = Decoder(bytes: bytes)
        self = try decoder.value(depth: 0)
        guard decoder.position == bytes.count else {
            throw .trailingBytes(count: bytes.count - decoder.position)
        }
    }

    private struct Decoder {
        let bytes: [UInt8]
        var position = 0

        mutating func value(depth: Int) throws(RecordError) -> CBOR {
            guard depth < CBOR.depthLimit else { throw .tooDeep }
            guard position < bytes.count else { throw .truncated }
            let initial = bytes[position]
            position += 1
            switch initial {
            case 0xf4: return .boolean(false)
            case 0xf5: return .boolean(true)
            case 0xf6: return .null
            default: break
            }
            guard initial >> 5 <= 5, initial >> 5 != 1 else { throw .unsupportedItem(initialByte: initial) }
            let argument = try argument(of: initial)
            switch initial >> 5 {
            case 0: return .unsigned(argument)
            case 2: return .bytes(Array(try take(argument)))
            case 3:
                return .text(try text(argument))
            case 4: return .array(try items(argument, depth: depth))
            default: return .map(try entries(argument, depth: depth))
            }
        }

        private mutating func argument(of initial: UInt8) throws(RecordError) -> UInt64 {
            let information = initial & 31
            if information < 24 { return UInt64(information) }
            guard information <= 27 else { throw .unsupportedItem(initialByte: initial) }
            let width = 1 << Int(information - 24)
            var value: UInt64 = 0
            for byte in try take(UInt64(width)) { value = value << 8 | UInt64(byte) }
            let smallest: UInt64 = width == 1 ? 24 : 1 << UInt64(4 * width)
            guard value >= smallest else { throw .nonMinimalInteger }
            return value
        }

        private mutating func take(_ count: UInt64) throws(RecordError) -> ArraySlice<UInt8> {
            guard count <= UInt64(bytes.count - position) else { throw .truncated }
            let slice = bytes[position..<position + Int(count)]
            position += Int(count)
            return slice
        }

        private mutating func text(_ count: UInt64) throws(RecordError) -> String {
            let slice = try take(count)
            let text = slice.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
            // What is no UTF-8 was repaired, and differs.
            guard text.utf8.elementsEqual(slice) else { throw .invalidText }
            return text
        }

        private mutating func items(_ count: UInt64, depth: Int) throws(RecordError) -> [CBOR] {
            // Every item takes a byte at least, so a claimed count beyond the rest is a lie.
            guard count <= UInt64(bytes.count - position) else { throw .truncated }
            var items: [CBOR] = []
            items.reserveCapacity(Int(min(count, 32)))
            for _ in 0..<count { items.append(try value(depth: depth + 1)) }
            return items
        }

        private mutating func entries(_ count: UInt64, depth: Int) throws(RecordError) -> [Entry] {
            guard count <= UInt64(bytes.count - position) / 2 else { throw .truncated }
            var entries: [Entry] = []
            entries.reserveCapacity(Int(min(count, 32)))
            for _ in 0..<count {
                guard case .text(let key) = try value(depth: depth + 1) else { throw .wrongType(key: "") }
                if let last = entries.last, !CBOR.precedes(last.key, key) { throw .keysOutOfOrder(key: key) }
                entries.append(Entry(key: key, value: try value(depth: depth + 1)))
            }
            return entries
        }
    }
}
