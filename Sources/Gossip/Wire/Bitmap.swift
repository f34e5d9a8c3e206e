/// A fixed number of bits: which pieces, or which members.
struct Bitmap: Equatable, Sendable {
    let count: Int
    private(set) var bytes: [UInt8]
    /// How many bits are set.
    private(set) var setCount: Int

    init(count: Int) {
        self.count = count
        bytes = [UInt8](repeating: 0, count: (count + 7) / 8)
        setCount = 0
    }

    /// All bits set.
    init(full count: Int) {
        self.init(count: count)
        for index in 0..<count { insert(index) }
    }

    init(_ bits: [Bool]) {
        self.init(count: bits.count)
        for (index, bit) in bits.enumerated() where bit { insert(index) }
    }

    /// Nil where the byte count does not fit or a spare bit is set.
    init?(bytes: [UInt8], count: Int) {
        guard count >= 0, bytes.count == (count + 7) / 8 else { return nil }
        if count % 8 != 0, let last = bytes.last, last >> UInt8(count % 8) != 0 { return nil }
        self.count = count
        self.bytes = bytes
        setCount = bytes.reduce(0) { $0 + $1.nonzeroBitCount }
    }

    subscript(index: Int) -> Bool {
        index >= 0 && index < count && bytes[index / 8] >> UInt8(index % 8) & 1 == 1
    }

    /// Up to `limit` clear bits that satisfy `condition`, byte by byte upwards and around from that of `start`.
    func clear(from start: Int, limit: Int, where condition: (Int) -> Bool) -> [Int] {
        var found: [Int] = []
        for step in bytes.indices {
            let position = (start / 8 + step) % bytes.count
            if bytes[position] == 0xff { continue }
            for index in 8 * position..<min(count, 8 * position + 8) where !self[index] && condition(index) {
                if found.count == limit { return found }
                found.append(index)
            }
        }
        return found
    }

    mutating func insert(_ index: Int) {
        precondition(index >= 0 && index < count)
        guard !self[index] else { return }
        bytes[index / 8] |= 1 << UInt8(index % 8)
        setCount += 1
    }

    mutating func remove(_ index: Int) {
        precondition(index >= 0 && index < count)
        guard self[index] else { return }
        bytes[index / 8] &= ~(1 << UInt8(index % 8))
        setCount -= 1
    }

    var isFull: Bool { setCount == count }
}
