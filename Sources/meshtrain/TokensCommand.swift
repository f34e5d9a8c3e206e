import ArgumentParser
import Model

/// Prints the ids that training reads, to be compared with the exported tokenizer's.
struct TokensCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens",
        abstract: "Prints the held-out documents of a text directory as token ids, one JSON object a line.")

    @Option(help: "Directory of UTF-8 text.") var data: String

    private struct Document: Encodable {
        let path: String
        let text: String
        let ids: [UInt16]
    }

    func run() throws {
        try TrainerExit.reporting { try printTokens() }
    }

    private func printTokens() throws {
        for file in try DataSet(directory: data).split.heldOut {
            let document = Document(
                path: file.path, text: String(decoding: file.bytes, as: UTF8.self),
                ids: ByteTokenizer.encodeDocument(file.bytes))
            Output.line(String(decoding: try Output.json(document), as: UTF8.self))
        }
    }
}
