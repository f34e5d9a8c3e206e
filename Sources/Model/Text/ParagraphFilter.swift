/// Where the paragraphs of a text begin and end.
enum Paragraphs {
    /// Ranges that follow each other and cover the text: each a paragraph with the blank lines after it.
    static func ranges(_ text: [UInt8]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        var lineStart = 0
        var afterBlank = false
        var seenText = false
        for index in text.indices where text[index] == 0x0A || index == text.count - 1 {
            let isBlank = text[lineStart...index].allSatisfy {
                $0 == 0x0A || $0 == 0x20 || $0 == 0x09 || $0 == 0x0D
            }
            if !isBlank {
                if afterBlank && seenText {
                    ranges.append(start..<lineStart)
                    start = lineStart
                }
                seenText = true
            }
            afterBlank = isBlank
            lineStart = index + 1
        }
        if start < text.count { ranges.append(start..<text.count) }
        return ranges
    }
}

/// Remembers paragraphs, and tells of a new one whether it nearly equals an earlier one.
///
/// A paragraph is reduced to its letters (ASCII in lower case; digits, ASCII punctuation and white space dropped) and seen
/// as the set of its runs of five characters. Two are near-duplicates when these sets' Jaccard index is at least 0.8
/// (Lee et al. 2022). Candidates come from MinHash bands (Broder 1997), 6 of 3 hashes: a pair at 0.8 is found with
/// probability 0.98, and what is found is checked exactly. Paragraphs of fewer than 24 characters, headings mostly, are
/// never duplicates.
struct ParagraphFilter {
    static let shingleCharacters = 5
    static let minimumCharacters = 24
    static let bands = 6
    static let rowsPerBand = 3

    private var kept: [[UInt8]] = []
    private var buckets: [UInt64: [Int32]] = [:]

    /// `files` without paragraphs that nearly equal an earlier one; files that lose all of them go.
    mutating func removeDuplicates(_ files: [TextFile]) -> (files: [TextFile], removed: Int) {
        var result: [TextFile] = []
        var removed = 0
        for file in files {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(file.bytes.count)
            for range in Paragraphs.ranges(file.bytes) {
                if insert(Array(file.bytes[range])) {
                    bytes.append(contentsOf: file.bytes[range])
                } else {
                    removed += 1
                }
            }
            if !bytes.isEmpty { result.append(TextFile(path: file.path, bytes: bytes)) }
        }
        return (result, removed)
    }

    /// True when the paragraph is new; it is remembered then.
    mutating func insert(_ paragraph: [UInt8]) -> Bool {
        let characters = ParagraphFilter.reduced(paragraph)
        guard characters.count >= ParagraphFilter.minimumCharacters else { return true }
        let shingles = ParagraphFilter.shingles(characters)
        let keys = ParagraphFilter.bandKeys(shingles)
        var candidates: [Int32] = []
        for key in keys { candidates.append(contentsOf: buckets[key] ?? []) }
        candidates.sort()
        var previous: Int32 = -1
        for candidate in candidates where candidate != previous {
            previous = candidate
            let other = ParagraphFilter.shingles(ParagraphFilter.reduced(kept[Int(candidate)]))
            if ParagraphFilter.isNearDuplicate(shingles, other) { return false }
        }
        let number = Int32(kept.count)
        kept.append(paragraph)
        for key in keys { buckets[key, default: []].append(number) }
        return true
    }

    private static func reduced(_ paragraph: [UInt8]) -> [UInt32] {
        var characters: [UInt32] = []
        characters.reserveCapacity(paragraph.count)
        for scalar in String(decoding: paragraph, as: UTF8.self).unicodeScalars {
            switch scalar.value {
            case 0x61...0x7A: characters.append(scalar.value)
            case 0x41...0x5A: characters.append(scalar.value + 0x20)
            case 0...0x7F, 0xA0, 0x3000: break
            default: characters.append(scalar.value)
            }
        }
        return characters
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

    private static func bandKeys(_ shingles: [UInt64]) -> [UInt64] {
        var multipliers = SplitMix(state: 0)
        var keys: [UInt64] = []
        for band in 0..<bands {
            var key = UInt64(band)
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
