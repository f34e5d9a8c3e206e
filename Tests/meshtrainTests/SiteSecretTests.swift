import Crypto
import Glibc
import TestKit
import Testing

@testable import Model
@testable import meshtrain

@Suite struct SiteSecretTests {
    private func mode(_ path: String) throws -> mode_t {
        var status = stat()
        try #require(stat(path, &status) == 0)
        return status.st_mode & 0o777
    }

    @Test func isMadeAtTheFirstStart_forItsUserAlone_andIsTheSameAfterwards() throws {
        let folder = TemporaryFolder()
        let first = try SiteSecret.open(in: folder.path)
        #expect(try mode(folder.path + "/site.secret") == 0o600)
        let again = try SiteSecret.open(in: folder.path)
        #expect(first.identifier(ofDataSet: "letters") == again.identifier(ofDataSet: "letters"))
        let otherFolder = TemporaryFolder()
        let other = try SiteSecret.open(in: otherFolder.path)
        #expect(first.identifier(ofDataSet: "letters") != other.identifier(ofDataSet: "letters"))
        withExtendedLifetime((folder, otherFolder)) {}
    }

    @Test func aFileThatOthersMayReadOrThatIsCutOff_isRefusedAndNotReplaced() throws {
        let folder = TemporaryFolder()
        _ = try SiteSecret.open(in: folder.path)
        let path = folder.path + "/site.secret"
        #expect(chmod(path, 0o640) == 0)
        let wide = try #require(throws: ModelError.self) { try SiteSecret.open(in: folder.path) }
        #expect(wide.description.contains("chmod 600"))
        #expect(chmod(path, 0o600) == 0)
        #expect(truncate(path, 31) == 0)
        let short = try #require(throws: ModelError.self) { try SiteSecret.open(in: folder.path) }
        #expect(short.description.contains("has 31 bytes"))
        unlink(path)
        #expect(symlink("/dev/zero", path) == 0)
        #expect(throws: ModelError.self) { try SiteSecret.open(in: folder.path) }
    }

    private static let stream = (0..<5000).map { UInt16($0 % 250) }

    private func batch(_ seed: BatchSeed, step: Int) throws -> [UInt16] {
        let sampler = try BatchSampler(
            TrainingText(tokens: Self.stream, path: "text"), contextLength: 16, path: "text")
        var tokens = [UInt16](repeating: 0, count: 8 * 16)
        var targets = tokens
        sampler.fill(tokens: &tokens, targets: &targets, seed: seed, step: step)
        return tokens
    }

    @Test func batchesOfTwoSitesWithTheSameText_haveNothingInCommon_andAreRepeatedByTheSecretAlone() throws {
        let (one, other) = (SiteSecret(.random(count: 32)), SiteSecret(.random(count: 32)))
        for step in [0, 1, 500, 1 << 30] {
            #expect(try batch(one.batches, step: step) == batch(one.batches, step: step))
            #expect(try batch(one.batches, step: step) != batch(other.batches, step: step))
            #expect(try batch(one.batches, step: step) != batch(one.batches, step: step + 1))
        }
        #expect(one.batches.identifier != other.batches.identifier)
    }

    @Test func digestsOfEqualContentsDifferBetweenSites() {
        let (one, other) = (SiteSecret(.random(count: 32)), SiteSecret(.random(count: 32)))
        let text = Array("a report".utf8)
        #expect(one.digest(ofFile: text) != other.digest(ofFile: text))
        #expect(one.digest(ofFile: text) != Digest(DigestDomain("mesh/data-file"), text))
        let files = [one.digest(ofFile: text), one.digest(ofFile: [1])]
        #expect(one.digest(ofFiles: files) == one.digest(ofFiles: files.reversed()))
        #expect(one.digest(ofFiles: files) != other.digest(ofFiles: files))
    }

    @Test(arguments: [(2.34567, 2.35), (0.004, 0.0), (11.999, 12.0)])
    func theReportedLossIsRoundedOrLeftOut(loss: Double, reported: Double) throws {
        let digest = try #require(DigestTextSample.zero)
        func record(reports: Bool) -> RoundRecord {
            RoundRecord(height: 1, steps: 1, tokens: 1, trainingLoss: loss, reportsLoss: reports, dataset: digest)
        }
        #expect(abs(try #require(record(reports: true).reportedLoss) - reported) < 1e-9)
        #expect(record(reports: false).reportedLoss == nil)
    }
}
