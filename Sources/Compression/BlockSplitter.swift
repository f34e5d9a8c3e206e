import Glibc

/// Finds where the statistics of bytes change. A payload's streams (heads, gaps, codes) alternate inside a piece, and one
/// Huffman table for two kinds of bytes costs 2 to 4 percent; a piece alone does not say where its streams begin.
///
/// Bottom-up: cells of 512 bytes are merged with a neighbour as long as one table for both costs less than two. The cost
/// of a part is its entropy and some bits of table for each value that occurs. Then each end moves to the byte at which
/// the two sides together cost least.
enum BlockSplitter {
    private static let cellBytes = 512
    private static let tableBitsPerValue = 2.0
    private static let blockBits = 80.0

    private struct Part {
        var end: Int
        var histogram: Histogram
        var bits: Double
    }

    /// Ends of the parts, ascending; the last is the end of `bytes`.
    static func ends(_ bytes: UnsafeBufferPointer<UInt8>) -> [Int] {
        var parts: [Part] = []
        for start in stride(from: 0, to: bytes.count, by: cellBytes) {
            let end = min(start + cellBytes, bytes.count)
            let histogram = Histogram(UnsafeBufferPointer(rebasing: bytes[start..<end]))
            parts.append(Part(end: end, histogram: histogram, bits: histogram.bits))
        }
        while let merged = mergedOnce(parts) { parts = merged }
        var ends: [Int] = []
        for (part, next) in zip(parts, parts.dropFirst()) {
            ends.append(refinedEnd(of: part, from: ends.last ?? 0, before: next, bytes))
        }
        return ends + [bytes.count]
    }

    /// The end of a part within a cell of where it was found.
    private static func refinedEnd(
        of part: Part, from start: Int, before next: Part, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> Int {
        let (here, there) = (part.histogram.bitsPerValue, next.histogram.bitsPerValue)
        let first = max(start, part.end - cellBytes) + 1
        let last = min(next.end, part.end + cellBytes) - 1
        var (end, bits, leastBits) = (first, 0.0, 0.0)
        for place in first..<last {
            bits += here[Int(bytes[place])] - there[Int(bytes[place])]
            if bits < leastBits { (end, leastBits) = (place + 1, bits) }
        }
        return end
    }

    /// The parts after merging each with a neighbour where that gains most among the two; nil if nothing gains.
    private static func mergedOnce(_ parts: [Part]) -> [Part]? {
        guard parts.count > 1 else { return nil }
        let gains = (1..<parts.count).map { index in
            let (left, right) = (parts[index - 1], parts[index])
            return left.bits + right.bits - Histogram.bits(ofSum: left.histogram, right.histogram)
        }
        var result: [Part] = []
        result.reserveCapacity(parts.count)
        var index = 0
        while index < parts.count {
            let gain = index < gains.count ? gains[index] : 0
            let isBest = gain > 0 && (index + 1 >= gains.count || gain >= gains[index + 1])
            guard isBest else {
                result.append(parts[index])
                index += 1
                continue
            }
            let histogram = parts[index].histogram + parts[index + 1].histogram
            result.append(Part(end: parts[index + 1].end, histogram: histogram, bits: histogram.bits))
            index += 2
        }
        return result.count < parts.count ? result : nil
    }

    /// How often each value occurs.
    private struct Histogram {
        private var counts: [Int32]

        init(_ bytes: UnsafeBufferPointer<UInt8>) {
            counts = [Int32](repeating: 0, count: 256)
            counts.withUnsafeMutableBufferPointer { counts in
                for byte in bytes { counts[Int(byte)] += 1 }
            }
        }

        var bits: Double {
            counts.withUnsafeBufferPointer { counts in Histogram.bits { counts[$0] } }
        }

        /// What each value costs with a table for these bytes; a value that does not occur costs much.
        var bitsPerValue: [Double] {
            let total = log2(Double(counts.reduce(0, +)) + 64)
            return counts.map { total - log2(Double($0) + 0.25) }
        }

        static func bits(ofSum left: Histogram, _ right: Histogram) -> Double {
            left.counts.withUnsafeBufferPointer { left in
                right.counts.withUnsafeBufferPointer { right in bits { left[$0] + right[$0] } }
            }
        }

        static func + (left: Histogram, right: Histogram) -> Histogram {
            var sum = left
            for value in sum.counts.indices { sum.counts[value] += right.counts[value] }
            return sum
        }

        @inline(__always)
        private static func bits(_ count: (Int) -> Int32) -> Double {
            var (total, values): (Int32, Int32) = (0, 0)
            var inner = 0.0
            for value in 0..<256 {
                let occurrences = count(value)
                total += occurrences
                values += occurrences > 0 ? 1 : 0
                inner += timesLog2(occurrences)
            }
            let entropy = timesLog2(total) - inner
            // zstd keeps bytes as they are if a table does not pay.
            return min(8 * Double(total), entropy + tableBitsPerValue * Double(values)) + blockBits
        }
    }

    /// n log2 n, from a table for what is common.
    @inline(__always)
    private static func timesLog2(_ count: Int32) -> Double {
        count < 2048 ? logarithms[Int(count)] : Double(count) * log2(Double(count))
    }

    private static let logarithms: [Double] = (0..<2048).map { $0 < 2 ? 0 : Double($0) * log2(Double($0)) }
}
