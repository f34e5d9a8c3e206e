/// Text to train on and text held out, with near-duplicate paragraphs removed.
///
/// **Which files are held out.** A file whose content hash is 0 modulo 50 is held out, unless it is more than a twentieth
/// of all bytes; if that gives less than 1 % of the bytes, further files are taken in the order of their hashes until
/// 2 % are reached. A file's lot so depends on its contents, not on its name or its neighbours, as far as
/// possible. Where no file is small enough (a corpus of one file, say), the last 2 % of the largest file are held out,
/// cut between two paragraphs.
///
/// **Near-duplicates.** Of paragraphs that nearly equal each other the first, in the order of the paths, stays in the
/// training text. A held-out paragraph that nearly equals one of the training text, or an earlier held-out one, is
/// removed from the held-out text: nothing that was trained on is measured, and no training text is lost to that.
public struct TextSplit: Sendable {
    public let training: [TextFile]
    public let heldOut: [TextFile]
    /// Near-duplicate paragraphs that were removed.
    public let removedTrainingParagraphs: Int
    public let removedHeldOutParagraphs: Int

    public init(_ corpus: TextCorpus) { self.init(files: corpus.files) }

    /// - Parameter files: in the order of their paths.
    public init(files: [TextFile]) {
        let (training, heldOut) = TextSplit.divide(files)
        var filter = ParagraphFilter()
        (self.training, removedTrainingParagraphs) = filter.removeDuplicates(training)
        (self.heldOut, removedHeldOutParagraphs) = filter.removeDuplicates(heldOut)
    }

    /// Training text as one stream of tokens, each document led by `<s>`.
    public var trainingTokens: [UInt16] { training.flatMap { ByteTokenizer.encodeDocument($0.bytes) } }

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
        return cutLargest(files, keepBytes: (total + 49) / 50)
    }

    /// The last paragraphs of the largest file, at least `keepBytes` of them, become the held-out text.
    private static func cutLargest(
        _ files: [TextFile], keepBytes: Int
    ) -> (training: [TextFile], heldOut: [TextFile]) {
        guard let largest = files.indices.max(by: { files[$0].bytes.count < files[$1].bytes.count }) else {
            return ([], [])
        }
        let file = files[largest]
        let starts = Paragraphs.ranges(file.bytes).map(\.lowerBound)
        guard let cut = starts.last(where: { $0 > 0 && $0 <= file.bytes.count - keepBytes }) else {
            return (files, [])
        }
        var training = files
        training[largest] = TextFile(path: file.path, bytes: Array(file.bytes[..<cut]))
        return (training, [TextFile(path: file.path, bytes: Array(file.bytes[cut...]))])
    }
}
