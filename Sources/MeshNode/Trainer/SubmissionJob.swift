import Control
import Crypto
import Ledger
import Rounds
import System
import Tensor

/// What a worker does with a contribution that a trainer has handed over completely.
struct SubmissionJob: Sendable {
    let jobs: RoundJobs
    let residuals: Residuals
    let rules: Rules
    let network: NetworkID
    let author: MemberID
    let base: Chain.Base
    let report: TrainingReport
    let form: ContributionForm
    /// The received file; gone afterwards.
    let path: String
    /// Name of the present residual.
    let residual: String?
    /// Distinguishes the temporary files of this process.
    let label: String

    enum Result: Sendable {
        /// The payload lies complete and synced among the blobs, the next residual under `residual`.
        case ready(Ledger.Contribution, residual: String?)
        case refused(ControlRefusal)
        case failed(FileError)
    }

    func run() -> Result {
        defer { File.remove(path) }
        do {
            switch form {
            case .delta: return try encode()
            case .encoded: return try adopt()
            }
        } catch let error as EncodingError {
            switch error {
            case .file(let error): return .failed(error)
            case .codec(let error): return .refused(SubmissionJob.refusal(error.refusal, "\(error)"))
            }
        } catch let error as ContributionFault {
            return .refused(SubmissionJob.refusal(error.refusal, "\(error)"))
        } catch let error as FileError {
            return .failed(error)
        } catch {
            return .refused(ControlRefusal(.internalError, message: "\(error)"))
        }
    }

    private func encode() throws -> Result {
        let payload = jobs.blobs.state.incoming + "/\(label).payload"
        let next = residuals.temporary(label)
        defer {
            File.remove(payload)
            File.remove(next)
        }
        let delta = try RawParameters(path: path, parameterCount: jobs.layout.parameterCount)
        let submission: Submission
        switch try residuals.open(residual) {
        case let file as ParameterFile:
            submission = try Submission(
                delta: delta, residual: file, layout: jobs.layout, rules: rules, payloadPath: payload,
                residualPath: next)
        default:
            submission = try Submission(
                delta: delta, residual: ZeroParameters(parameterCount: jobs.layout.parameterCount),
                layout: jobs.layout, rules: rules, payloadPath: payload, residualPath: next)
        }
        let name = try residuals.name(next)
        return .ready(try take(submission, payload), residual: name)
    }

    private func adopt() throws -> Result {
        let submission = try Submission(
            encoded: try FilePayload(path: path), layout: jobs.layout, rules: rules)
        try File.open(path, .write).synchronize()
        return .ready(try take(submission, path), residual: nil)
    }

    private func take(_ submission: Submission, _ payload: String) throws(FileError) -> Ledger.Contribution {
        let contribution = submission.record(network: network, author: author, base: base, report: report)
        let tree = try BlobStore.tree(of: payload, pieceBytes: Int(submission.pieceBytes))
        guard tree.root == submission.pieceRoot else { throw .damaged(file: payload, place: "its pieces") }
        try jobs.blobs.adopt(contribution, payload: payload, tree: tree)
        return contribution
    }

    private static func refusal(_ word: String?, _ message: String) -> ControlRefusal {
        ControlRefusal(word.flatMap { ControlReason(rawValue: $0) } ?? .internalError, message: message)
    }
}
