/// Text to train on and text held out, with near-duplicate paragraphs removed.
///
/// **Which files are held out.** A file whose content hash is 0 modulo 50 is held out, unless it is more than a twentieth
/// of all bytes; if that gives less than 1 % of the bytes, further files are taken in the order of their hashes until
/// 2 % are reached. A file's lot so depends on its contents, not on its name or its neighbours, as far as
/// possible. If no file is small enough (a corpus of one file, say), the end of the largest file is held out, 2 % of all
/// bytes: cut between two paragraphs, or between two lines if the paragraphs are too long for that, or else between two
/// characters.
///
/// **Near-duplicates.** Of paragraphs that nearly equal each other the first, in the order of the paths, stays in the
/// training text. A held-out paragraph that nearly equals one of the training text, or an earlier held-out one, is
/// removed from the held-out text: nothing that was trained on is measured, and no training text is lost to that. If no
/// held-out text is left, the end of what remains of the largest training file is held out in its place.
public struct TextSplit: Sendable {
    public let training: [TextFile]
    public let heldOut: [TextFile]
    /// Near-duplicate paragraphs that were removed.
    public let removedTrainingParagraphs: Int
    public let removedHeldOutParagraphs: Int
    /// Bytes of all near-duplicate paragraphs that were removed.
    public let removedBytes: Int
    /// Bytes before that.
    public let totalBytes: Int

    public init(_ corpus: TextCorpus) { self.init(files: corpus.files) }

    /// - Parameter files: in the order of their paths.
    public init(files: [TextFile]) {
        let divided = TextSplit.divide(files)
        var filter = ParagraphFilter()
        let training = filter.removeDuplicates(divided.training)
        let heldOut = filter.removeDuplicates(divided.heldOut)
        removedTrainingParagraphs = training.removedParagraphs
        removedHeldOutParagraphs = heldOut.removedParagraphs
        removedBytes = training.removedBytes + heldOut.removedBytes
        totalBytes = files.reduce(0) { $0 + $1.bytes.count }
        guard heldOut.files.isEmpty else {
            self.training = training.files
            self.heldOut = heldOut.files
            return
        }
        let left = training.files.reduce(0) { $0 + $1.bytes.count }
        (self.training, self.heldOut) = TextSplit.cutLargest(training.files, totalBytes: left)
    }

    /// Whether so much was removed that a person should know: a fifth of all text.
    public var removedMuch: Bool { removedBytes * 5 > totalBytes }

    /// Training text as one stream of tokens.
    ///
    /// - Parameter limitBytes: no more than so many tokens, from the start; nil for all.
    public func trainingText(limitBytes: Int? = nil) -> TrainingText { TrainingText(training, limitBytes: limitBytes) }

    /// Held-out text as one stream of tokens, each document led by `<s>`.
    public var heldOutTokens: [UInt16] { heldOut.flatMap { ByteTokenizer.encodeDocument($0.bytes) } }

    private static func divide(_ files: [TextFile]) -> (training: [TextFile], heldOut: [TextFile]) {
        let total = files.reduce(0) { $0 + $1.bytes.count }
        let hashes = files.map(\.contentHash)
        let small = files.indices.filter { files[$0].bytes.count <= total / 20 }
        var isHeldOut = [Bool](repeating: false, count: files.count)
        var bytes = 0
        for index in small where hashes[index] % 50 == 0 {
            isHeldOut[index] = true
            bytes += files[index].bytes.count
        }
        if bytes < total / 100 {
            for index in small.sorted(by: { (hashes[$0], $0) < (hashes[$1], $1) }) where !isHeldOut[index] {
                isHeldOut[index] = true
                bytes += files[index].bytes.count
                if bytes >= total / 50 { break }
            }
        }
        if bytes > 0 {
            return (
                files.indices.filter { !isHeldOut[$0] }.map { files[$0] },
                files.indices.filter { isHeldOut[$0] }.map { files[$0] }
            )
        }
        return cutLargest(files, totalBytes: total)
    }

    /// The end of the largest file, 2 % of all bytes, becomes the held-out text.
    private static func cutLargest(
        _ files: [TextFile], totalBytes: Int
    ) -> (training: [TextFile], heldOut: [TextFile]) {
        guard let largest = files.indices.max(by: { files[$0].bytes.count < files[$1].bytes.count }) else {
            return ([], [])
        }
        let file = files[largest]
        let wanted = max(1, (totalBytes + 49) / 50)
        guard let cut = place(in: file.bytes, keeping: min(wanted, file.bytes.count / 2)) else { return (files, []) }
        var training = files
        training[largest] = TextFile(path: file.path, bytes: Array(file.bytes[..<cut]))
        return (training, [TextFile(path: file.path, bytes: Array(file.bytes[cut...]))])
    }

    /// Where to cut a text so that at least `keeping` bytes follow, and not many more: nil if it has one character only.
    private static func place(in text: [UInt8], keeping: Int) -> Int? {
        let latest = text.count - keeping
        // At most two and a half times as much as wanted is given to the held-out text.
        let earliest = max(1, text.count - keeping * 5 / 2)
        guard earliest <= latest else { return nil }
        if let start = Paragraphs.ranges(text).last(where: { $0.lowerBound <= latest })?.lowerBound, start >= earliest {
            return start
        }
        // A line begins after a line feed, or after a carriage return that no line feed follows.
        let isLineStart = { (index: Int) in
            text[index - 1] == 0x0A || text[index - 1] == 0x0D && text[index] != 0x0A
        }
        if let start = (earliest...latest).last(where: { $0 < text.count && isLineStart($0) }) { return start }
        // A character begins at every byte but those that continue one.
        return (1...latest).last { $0 < text.count && text[$0] & 0xC0 != 0x80 }
    }
}
