import Ledger
import Rounds
import Tensor

/// The rule of Docs/averaging.md once more, in plain loops over whole vectors: what the averaging and a replay must give,
/// found without anything of theirs but the decoding of a payload.
struct PlainAverage {
    let layout: ParameterLayout
    let rules: Rules
    /// Of the network.
    let members: Int

    /// A contribution as integers in units of 2^-40, with the unit of each value where it is a level times one.
    private struct Decoded {
        var values: [Int64]
        var units: [Int64?]
    }

    /// - Parameter entries: payloads with their weights, in 1/2^30.
    func next(_ base: [Float], _ entries: [(payload: [UInt8], weightQ30: UInt64)]) throws -> [Float] {
        guard !entries.isEmpty else { return base }
        let decoded = try entries.map { try decode($0.payload) }
        let weights = shared(entries.map(\.weightQ30), decoded)
        let wholes = factors(decoded.map { norm($0.values, 0..<layout.parameterCount) })
        // f + 1; where all send everything, the number of all if that is more.
        let least = (members - 1) / 3 + 1
        let isDense = [.denseFloat32, .denseBFloat16].contains(rules.encoding)
        let divisor = isDense ? max(least, entries.count) : least
        var next = base
        for tensor in layout.tensors {
            let parts = factors(decoded.map { norm($0.values, tensor.range) })
            let multipliers = decoded.indices.map { entry in
                Int64(((UInt128(weights[entry]) * UInt128(min(wholes[entry], parts[entry]))) >> 30) / UInt128(divisor))
            }
            for index in tensor.range {
                var sum: Int64 = 0
                var senders = 0
                for (place, entry) in decoded.enumerated() {
                    sum += scaled(entry.values[index], unit: entry.units[index], by: multipliers[place])
                    if isDense || entry.values[index] != 0 { senders += 1 }
                }
                if senders > divisor { sum = Int64(Int128(sum) * Int128(divisor) / Int128(senders)) }
                next[index] = base[index] + Float(rules.outerLearningRateQ16) / 65_536 * (Float(sum) * 0x1p-40)
            }
        }
        return next
    }

    private func scaled(_ value: Int64, unit: Int64?, by multiplier: Int64) -> Int64 {
        let half = Int128(1 << 29)
        if let unit {
            return unit == 0 ? 0 : value / unit * Int64((Int128(unit) * Int128(multiplier) + half) >> 30)
        }
        let magnitude = Int64((Int128(value.magnitude) * Int128(multiplier) + half) >> 30)
        return value < 0 ? -magnitude : magnitude
    }

    private func decode(_ payload: [UInt8]) throws -> Decoded {
        let decoder = SegmentDecoder(
            try Tensor.Contribution(
                payload: MemoryPayload(payload), layout: layout, profile: CodecProfile(rules.encoding)))
        var result = Decoded(
            values: Array(repeating: 0, count: layout.parameterCount),
            units: Array(repeating: nil, count: layout.parameterCount))
        for index in 0..<layout.chunkCount {
            let offset = layout.chunk(at: index).offset
            switch try decoder.chunk(index) {
            case .sparse(let indices, let levels, let unit):
                for (place, level) in zip(indices, levels) {
                    result.values[offset + Int(place)] = Int64(level) * unit
                    result.units[offset + Int(place)] = unit
                }
            case .dense(let values):
                for (place, value) in values.enumerated() { result.values[offset + place] = value }
            }
        }
        return result
    }

    private func product(_ left: [Int64], _ right: [Int64], _ range: Range<Int>) -> Int128 {
        range.reduce(Int128(0)) { $0 + Int128(left[$1]) * Int128(right[$1]) }
    }

    /// The integer square root, by bisection.
    private func norm(_ values: [Int64], _ range: Range<Int>) -> UInt64 {
        let square = product(values, values, range).magnitude
        var (low, high) = (UInt128(0), UInt128(1) << 63)
        while low < high {
            let middle = (low + high + 1) / 2
            if middle * middle <= square { low = middle } else { high = middle - 1 }
        }
        return UInt64(low)
    }

    private func factors(_ norms: [UInt64]) -> [UInt64] {
        let median = norms.sorted()[(norms.count - 1) / 2]
        return norms.map { $0 <= median ? 1 << 30 : UInt64((UInt128(median) << 30) / UInt128($0)) }
    }

    /// Near copies have one weight together. The test's contributions are independent: a cosine near the threshold, where
    /// floating point could decide otherwise, does not occur.
    private func shared(_ weights: [UInt64], _ decoded: [Decoded]) -> [UInt64] {
        let all = 0..<layout.parameterCount
        var group = Array(decoded.indices)
        for right in decoded.indices {
            for left in 0..<right where group[left] != group[right] {
                let cosine =
                    Double(product(decoded[left].values, decoded[right].values, all))
                    / (Double(norm(decoded[left].values, all)) * Double(norm(decoded[right].values, all)))
                guard cosine > 0.9 else { continue }
                let merged = group[right]
                for entry in group.indices where group[entry] == merged { group[entry] = group[left] }
            }
        }
        return decoded.indices.map { entry in
            let members = decoded.indices.filter { group[$0] == group[entry] }
            let total = members.reduce(UInt128(0)) { $0 + UInt128(weights[$1]) }
            let largest = members.map { weights[$0] }.max() ?? 0
            return total == 0 ? 0 : UInt64(UInt128(weights[entry]) * UInt128(largest) / total)
        }
    }
}
