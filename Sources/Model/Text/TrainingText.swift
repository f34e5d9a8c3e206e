/// The stream of tokens that a site trains on, and which file each part of it came from.
public struct TrainingText: Sendable {
    /// Documents one after the other, each led by `<s>`.
    public let tokens: [UInt16]
    private let documents: [(firstToken: Int, path: String)]

    /// - Parameters:
    ///   - files: in the order in which they are trained on.
    ///   - limitBytes: no more than so many tokens, from the start; nil for all.
    public init(_ files: [TextFile], limitBytes: Int? = nil) {
        var tokens: [UInt16] = []
        var documents: [(firstToken: Int, path: String)] = []
        for file in files where tokens.count < limitBytes ?? .max {
            documents.append((tokens.count, file.path))
            tokens += ByteTokenizer.encodeDocument(file.bytes)
        }
        self.tokens = limitBytes.map { Array(tokens.prefix($0)) } ?? tokens
        self.documents = documents
    }

    /// Tokens that are no text of a file, for benches and tests.
    package init(tokens: [UInt16], path: String) {
        self.tokens = tokens
        documents = [(0, path)]
    }

    /// Where a token came from. A token is a byte, but for `<s>` and the three bytes of U+2581, and repeated paragraphs
    /// have been removed: in the file itself the place can lie further back.
    public func place(ofToken token: Int) -> TextPlace {
        guard let document = documents.last(where: { $0.firstToken <= token }) else {
            return TextPlace(path: "", byte: token)
        }
        return TextPlace(path: document.path, byte: max(0, token - document.firstToken - 1))
    }
}

/// A place in a site's text.
public struct TextPlace: Hashable, Sendable, CustomStringConvertible {
    /// Relative to the corpus' folder.
    public let path: String
    public let byte: Int

    public var description: String { "\(path) at byte \(byte)" }
}
