/// Remembers paragraphs, and tells of a new one whether it nearly equals an earlier one.
///
/// A paragraph is reduced to its letters (ASCII in lower case; ASCII punctuation and white space dropped) and seen as
/// the set of its runs of five characters. Two are near-duplicates if these sets' Jaccard index is at least 0.8 (Lee et
/// al. 2022) **and** their numbers are equal, one after the other: reports that differ in what was measured are all
/// kept. Paragraphs of fewer than 24 letters, headings mostly, are never duplicates.
///
/// Equal paragraphs are found by a hash. Candidates for nearly equal ones come from MinHash bands (Broder 1997), 6 of 3
/// hashes: a pair at 0.8 shares one with probability 0.98. Each band's bucket keeps its first 16 paragraphs, so that
/// text which repeats itself (form letters) costs a bounded number of comparisons per paragraph; the most similar
/// candidates, by a sketch of 64 bytes, are compared exactly.
struct ParagraphFilter {
    static let shingleCharacters = 5
    static let minimumCharacters = 24
    static let bands = 6
    static let rowsPerBand = 3
    static let bucketMaximum = 16
    /// Exact comparisons per paragraph.
    static let comparisonsMaximum = 4
    /// Paragraphs whose shingles are kept for the next comparison.
    private static let cacheMaximum = 1024

    private struct Kept {
        let text: [UInt8]
        let sketch: Sketch
    }

    private var kept: [Kept] = []
    private var buckets: [UInt64: [Int32]] = [:]
    /// Hashes of letters and numbers.
    private var exact: Set<UInt64> = []
    private var cache: [Int32: [UInt64]] = [:]
    /// Exact comparisons so far.
    private(set) var comparisons = 0
    /// Comparisons of sketches so far.
    private(set) var sketchComparisons = 0

    /// What became of files whose duplicates were removed.
    struct Outcome {
        /// Files that lost all of their paragraphs are not among them.
        var files: [TextFile] = []
        var removedParagraphs = 0
        var removedBytes = 0
    }

    /// `files` without paragraphs that nearly equal an earlier one.
    mutating func removeDuplicates(_ files: [TextFile]) -> Outcome {
        var outcome = Outcome()
        for file in files {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(file.bytes.count)
            for range in Paragraphs.pieces(file.bytes) {
                if insert(Array(file.bytes[range])) {
                    bytes.append(contentsOf: file.bytes[range])
                } else {
                    outcome.removedParagraphs += 1
                    outcome.removedBytes += range.count
                }
            }
            if !bytes.isEmpty { outcome.files.append(TextFile(path: file.path, bytes: bytes)) }
        }
        return outcome
    }

    /// True if the paragraph is new; it is remembered then.
    mutating func insert(_ paragraph: [UInt8]) -> Bool {
        let reduced = ReducedText(paragraph)
        guard reduced.characters.count >= ParagraphFilter.minimumCharacters else { return true }
        guard exact.insert(reduced.hash).inserted else { return false }
        let shingles = ParagraphFilter.shingles(reduced.characters)
        let sketch = Sketch(shingles)
        let keys = ParagraphFilter.bandKeys(shingles, numbers: reduced.numbersHash)
        for candidate in closest(to: sketch, among: keys) {
            comparisons += 1
            if ParagraphFilter.isNearDuplicate(shingles, keptShingles(of: candidate)) { return false }
        }
        let number = Int32(clamping: kept.count)
        kept.append(Kept(text: paragraph, sketch: sketch))
        for key in keys where buckets[key, default: []].count < ParagraphFilter.bucketMaximum {
            buckets[key, default: []].append(number)
        }
        return true
    }

    /// The candidates that share a band, the most similar ones first.
    private mutating func closest(to sketch: Sketch, among keys: [UInt64]) -> [Int32] {
        var candidates: Set<Int32> = []
        for key in keys { candidates.formUnion(buckets[key] ?? []) }
        sketchComparisons += candidates.count
        return candidates.map { (number: $0, similarity: sketch.similarity(to: kept[Int($0)].sketch)) }
            .sorted { ($1.similarity, $0.number) < ($0.similarity, $1.number) }
            .prefix(ParagraphFilter.comparisonsMaximum).map(\.number)
    }

    private mutating func keptShingles(of number: Int32) -> [UInt64] {
        if let found = cache[number] { return found }
        let made = ParagraphFilter.shingles(ReducedText(kept[Int(number)].text).characters)
        if cache.count >= ParagraphFilter.cacheMaximum { cache = [:] }
        cache[number] = made
        return made
    }

    /// Hashes of all runs of five characters, sorted, each once.
    private static func shingles(_ characters: [UInt32]) -> [UInt64] {
        var hashes: [UInt64] = []
        hashes.reserveCapacity(characters.count)
        for start in 0...(characters.count - shingleCharacters) {
            var hash: UInt64 = 0
            for character in characters[start..<start + shingleCharacters] {
                hash = SplitMix.mix(hash &+ UInt64(character) &+ 1)
            }
            hashes.append(hash)
        }
        hashes.sort()
        var unique: [UInt64] = []
        unique.reserveCapacity(hashes.count)
        for hash in hashes where hash != unique.last { unique.append(hash) }
        return unique
    }

    /// Paragraphs of other numbers have other keys: they never meet.
    private static func bandKeys(_ shingles: [UInt64], numbers: UInt64) -> [UInt64] {
        var multipliers = SplitMix(state: 0)
        var keys: [UInt64] = []
        for band in 0..<bands {
            var key = SplitMix.mix(numbers &+ UInt64(band))
            for _ in 0..<rowsPerBand {
                let multiplier = multipliers.next() | 1
                var lowest = UInt64.max
                for shingle in shingles { lowest = min(lowest, shingle &* multiplier) }
                key = SplitMix.mix(key ^ lowest)
            }
            keys.append(key)
        }
        return keys
    }

    /// |A and B| / |A or B| >= 0.8, in integers.
    private static func isNearDuplicate(_ left: [UInt64], _ right: [UInt64]) -> Bool {
        var common = 0
        var (i, j) = (0, 0)
        while i < left.count && j < right.count {
            if left[i] == right[j] {
                common += 1
                i += 1
                j += 1
            } else if left[i] < right[j] {
                i += 1
            } else {
                j += 1
            }
        }
        return common * 5 >= (left.count + right.count - common) * 4
    }
}

/// A paragraph as the filter compares it: its letters, and its numbers.
struct ReducedText {
    /// Without digits.
    private(set) var characters: [UInt32] = []
    /// Of all numbers in their order. A sign or a relation before a number belongs to it: `<5` is not `>5`.
    private(set) var numbersHash: UInt64 = 0

    /// Of letters and numbers together.
    var hash: UInt64 {
        var hash = numbersHash
        for character in characters { hash = SplitMix.mix(hash ^ UInt64(character)) &+ 1 }
        return hash
    }

    init(_ paragraph: [UInt8]) {
        characters.reserveCapacity(paragraph.count)
        var previous: UInt32 = 0
        var isInNumber = false
        for scalar in String(decoding: paragraph, as: UTF8.self).unicodeScalars {
            if let digit = ReducedText.digit(scalar) {
                if !isInNumber {
                    // Where a number begins, and what stands before it.
                    let sign: UInt32 = ReducedText.signs.contains(previous) ? previous : 0
                    numbersHash = SplitMix.mix(numbersHash &+ 0x100 &+ UInt64(sign))
                }
                numbersHash = SplitMix.mix(numbersHash &+ UInt64(digit) &+ 1)
                isInNumber = true
            } else {
                isInNumber = false
                switch scalar.value {
                case 0x61...0x7A: characters.append(scalar.value)
                case 0x41...0x5A: characters.append(scalar.value + 0x20)
                case 0...0x7F, 0xA0, 0x3000: break
                default: characters.append(scalar.value)
                }
            }
            previous = scalar.value
        }
    }

    /// `+ - < > = ~`, minus, plus-minus, at most, at least, about.
    private static let signs: Set<UInt32> = [
        0x2B, 0x2D, 0x3C, 0x3E, 0x3D, 0x7E, 0x2212, 0xB1, 0x2264, 0x2265, 0x2248,
    ]

    private static func digit(_ scalar: Unicode.Scalar) -> Int? {
        switch scalar.value {
        case 0x30...0x39: return Int(scalar.value - 0x30)
        case 0...0x7F: return nil
        default:
            guard scalar.properties.numericType == .decimal else { return nil }
            return scalar.properties.numericValue.map { Int($0) }
        }
    }
}

/// A small print of a set of shingles: for each of 64 parts of the hashes, a byte of the lowest hash (one-permutation
/// hashing, Li et al. 2012). Sets that are alike agree in most bytes.
private struct Sketch {
    private var bytes: SIMD64<UInt8>

    init(_ shingles: [UInt64]) {
        bytes = SIMD64(repeating: 0)
        // The shingles ascend: the first of each part is its lowest.
        var part = -1
        for shingle in shingles {
            let own = Int(shingle >> 58)
            guard own != part else { continue }
            part = own
            bytes[own] = UInt8(truncatingIfNeeded: shingle >> 8) | 1
        }
    }

    /// How many of the 64 bytes agree.
    func similarity(to other: Sketch) -> Int {
        var same = 0
        for index in 0..<64 where bytes[index] == other.bytes[index] { same += 1 }
        return same
    }
}
