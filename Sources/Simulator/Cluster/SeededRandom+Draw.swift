import Crypto

extension SeededRandom {
    /// A number of `range`, all alike likely up to 2^-32 of bias. Not the standard library's algorithm, so that a
    /// seed means the same cluster under every version of Swift.
    mutating func draw(_ range: ClosedRange<UInt64>) -> UInt64 {
        let width = range.upperBound - range.lowerBound + 1
        precondition(width > 0 && width <= 1 << 32, "a draw is among at most 2^32 numbers")
        return range.lowerBound + next() % width
    }

    mutating func draw(below bound: Int) -> Int { Int(draw(0...UInt64(bound - 1))) }

    /// True in `percent` of 100 draws.
    mutating func chance(_ percent: UInt64) -> Bool { percent > 0 && draw(0...99) < percent }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[draw(below: elements.count)] }

    /// Mostly small, now and then large: a quarter of the draws is taken from the upper three quarters.
    mutating func skewed(_ range: ClosedRange<UInt64>) -> UInt64 {
        let quarter = range.lowerBound + (range.upperBound - range.lowerBound) / 4
        return chance(75) ? draw(range.lowerBound...quarter) : draw(range)
    }

    /// The numbers below `count` in a random order.
    mutating func permutation(of count: Int) -> [Int] {
        var order = Array(0..<count)
        for index in order.indices.dropLast() { order.swapAt(index, index + draw(below: count - index)) }
        return order
    }
}
