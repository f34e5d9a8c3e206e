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
    let skipped: [String]

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
        if !skipped.isEmpty { text += "; \(skipped.count) files skipped that are empty or not UTF-8" }
        return text
    }

    func sampler(_ configuration: ModelConfiguration) throws -> BatchSampler {
        try BatchSampler(
            stream: split.trainingTokens, contextLength: configuration.contextLength, path: directory)
    }

    /// - Parameter byteLimit: evaluate about this much; nil for all.
    func heldOutLoss(_ configuration: ModelConfiguration, byteLimit: Int?) throws -> HeldOutLoss {
        try HeldOutLoss(
            stream: split.heldOutTokens, contextLength: configuration.contextLength, byteLimit: byteLimit,
            path: directory)
    }
}
