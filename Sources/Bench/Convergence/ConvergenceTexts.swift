import ArgumentParser
import Foundation
import Model

/// The text of one site: what it trains on and what it is measured on.
struct SiteText: Sendable {
    /// The language, or the name of the directory.
    let name: String
    let sampler: BatchSampler
    /// What results are measured on.
    let heldOut: HeldOutLoss
    /// A small part of it, for the points of curves.
    let sample: HeldOutLoss
    /// Bytes to train on.
    let trainingBytes: Int
}

/// Where the sites' texts come from.
enum ConvergenceTexts {
    /// Manual pages of each language, fetched with `Deploy/manpages` where they are missing.
    static func directories(languages: [String]) throws -> [String] {
        let root = URL(filePath: ".build/convergence-text", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        return try languages.map { language in
            let directory = root.appending(path: language).path()
            if FileManager.default.fileExists(atPath: directory) { return directory }
            let process = Process()
            process.executableURL = URL(filePath: "Deploy/manpages")
            process.arguments = [language, directory]
            do {
                try process.run()
            } catch {
                throw ValidationError(
                    "Deploy/manpages cannot be started: run this in the repository's directory, or give --text")
            }
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                throw ValidationError("Deploy/manpages \(language) failed: give your own text with --text")
            }
            return directory
        }
    }

    private static let sampleBytes = 8_192

    /// - Parameters:
    ///   - trainingLimit: bytes of training text to use; nil for all.
    ///   - heldOutLimit: bytes of held-out text to measure; nil for all.
    static func read(
        _ directory: String, configuration: ModelConfiguration, trainingLimit: Int?, heldOutLimit: Int?
    ) throws -> SiteText {
        let split = TextSplit(try TextCorpus(directory: directory))
        let text = split.trainingText(limitBytes: trainingLimit)
        func heldOut(_ limit: Int?) throws -> HeldOutLoss {
            try HeldOutLoss(
                stream: split.heldOutTokens, contextLength: configuration.contextLength, byteLimit: limit,
                path: directory)
        }
        return SiteText(
            name: URL(filePath: directory).lastPathComponent,
            sampler: try BatchSampler(
                text, contextLength: configuration.contextLength, path: directory),
            heldOut: try heldOut(heldOutLimit), sample: try heldOut(min(heldOutLimit ?? .max, sampleBytes)),
            trainingBytes: text.tokens.count)
    }
}
