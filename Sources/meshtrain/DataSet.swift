import ArgumentParser
import Crypto
import Model

/// What a site allows to be done with a data set.
enum DataSetMode: String, ExpressibleByArgument, CaseIterable {
    /// May be trained on and passed on.
    case open
    /// May be trained on, not passed on.
    case restricted
    /// Updates leave the site, the data does not.
    case localOnly = "local-only"
    /// Private derivatives only: never in contributing mode.
    case `private`

    /// Whether updates trained on such a set may leave the site.
    var allowsContribution: Bool { self != .private }
}

/// A directory of text, split.
struct DataSet {
    let directory: String
    let split: TextSplit
    let files: [TextFile]
    let byteCount: Int
    let skipped: [SkippedFile]

    init(directory: String) throws {
        let corpus = try TextCorpus(directory: directory)
        self.directory = directory
        split = TextSplit(corpus)
        files = corpus.files
        byteCount = corpus.byteCount
        skipped = corpus.skipped
    }

    /// One line that says what was read.
    var summary: String {
        var text = "\(directory): \(files.count) files, \(byteCount) bytes; \(split.heldOut.count) files held out; "
        text += "near-duplicate paragraphs removed: \(split.removedTrainingParagraphs) to train on, "
        text += "\(split.removedHeldOutParagraphs) held out"
        if !skipped.isEmpty { text += "; \(skipped.count) files skipped" }
        return text
    }

    /// What a person should look at: files that take no part, by reason, and text that was removed as repetition.
    var warnings: [String] {
        var warnings: [String] = []
        for (reason, files) in Dictionary(grouping: skipped, by: \.reason.words).sorted(by: { $0.key < $1.key }) {
            let names = files.prefix(DataSet.namesMaximum).map(\.path).joined(separator: ", ")
            let more = files.count > DataSet.namesMaximum ? " and \(files.count - DataSet.namesMaximum) more" : ""
            warnings.append("\(directory): skipped \(files.count), \(reason): \(names)\(more)")
        }
        if split.removedMuch {
            let percent = 100 * split.removedBytes / max(1, split.totalBytes)
            warnings.append(
                "\(directory): \(percent) % of the text repeats other text nearly word for word and is not trained on "
                    + "(\(split.removedTrainingParagraphs + split.removedHeldOutParagraphs) paragraphs); "
                    + "if these are forms or templates, keep the parts that differ")
        }
        return warnings
    }

    /// File names in one warning.
    private static let namesMaximum = 20

    /// The summary and the warnings, on standard error.
    func describe() {
        Output.note(summary)
        for warning in warnings { Output.note("warning: \(warning)") }
    }

    /// - Parameter limitBytes: train on no more than so many bytes, from the start; nil for all.
    func sampler(_ configuration: ModelConfiguration, limitBytes: Int? = nil) throws -> BatchSampler {
        try BatchSampler(
            split.trainingText(limitBytes: limitBytes), contextLength: configuration.contextLength, path: directory)
    }

    /// - Parameter byteLimit: evaluate about this much; nil for all.
    func heldOutLoss(_ configuration: ModelConfiguration, byteLimit: Int?) throws -> HeldOutLoss {
        try HeldOutLoss(
            stream: split.heldOutTokens, contextLength: configuration.contextLength, byteLimit: byteLimit,
            path: directory)
    }
}
