import Control
import Crypto
import EventLoop
import Gossip
import Ledger
import Rounds
import System
import Tensor

/// Takes contributions from the trainer to the core, and what was left out back into the residual. One residual, so
/// one operation on it at a time, in order.
final class Intake {
    private let driver: Driver
    private let residuals: Residuals
    /// Slots that this site took, by base.
    private var slots: [VersionDigest: SlotRow] = [:]
    private(set) var residual: String?
    private var operations: [() -> Void] = []
    private var isBusy = false
    private var nextLabel: UInt64 = 1
    /// Hand-overs that the core has and that are not durable yet.
    private var pending: [ContributionDigest: Pending] = [:]
    /// The last contribution that was handed over, to say whether it was listed.
    private var last: ContributionDigest?

    private struct Pending {
        let contribution: Ledger.Contribution
        let row: SlotRow
        let completion: (Swift.Result<Ledger.Contribution, ControlRefusal>) -> Void
    }

    init(driver: Driver, residuals: Residuals, slots: [SlotRow], residual: String?) {
        self.driver = driver
        self.residuals = residuals
        self.residual = residual
        for slot in slots { self.slots[slot.base] = slot }
        driver.mayKeepBlob = { [weak self] in self?.isUnreturned($0) ?? false }
    }

    /// Gives back what became impossible to list while the daemon was not there to see it.
    func start() {
        let bases = Set(driver.node.chain.bases.map(\.digest))
        let old = slots.values.filter { $0.state == .sent && !bases.contains($0.base) }
            .sorted { $0.baseHeight < $1.baseHeight }
        for slot in old { settleOld(slot) }
    }

    func isTaken(_ base: VersionDigest) -> Bool {
        slots[base] != nil || pending.values.contains { $0.row.base == base }
    }

    var isWorking: Bool { isBusy || !pending.isEmpty }

    /// A name for temporary files that this process has not used yet.
    func label() -> String {
        defer { nextLabel += 1 }
        return "handover-\(nextLabel)"
    }

    /// Whether the version lists the contribution that was handed over last.
    func isListed(in version: Version) -> Bool {
        guard let last else { return false }
        return version.manifest.contains { $0.contribution == last }
    }

    /// Encodes, signs, stores and announces. `completion` is called once it is durable, or refused.
    func submit(
        path: String, form: ContributionForm, base: Chain.Base, report: TrainingReport,
        completion: @escaping (Swift.Result<Ledger.Contribution, ControlRefusal>) -> Void
    ) {
        perform { [self] done in
            guard !isTaken(base.digest) else {
                File.remove(path)
                completion(.failure(Intake.duplicate))
                return done()
            }
            let job = SubmissionJob(
                jobs: driver.jobs, residuals: residuals, rules: base.rules,
                network: driver.node.chain.network, author: driver.node.identity.member, base: base, report: report,
                form: form, path: path, residual: residual, label: label())
            driver.workers.submit({ job.run() }) { [self] result in
                switch result {
                case .ready(let contribution, let residual):
                    propose(contribution, residual: residual, completion: completion, done: done)
                case .refused(let refusal):
                    completion(.failure(refusal))
                    done()
                case .failed(let error):
                    driver.report(.file(error))
                    completion(.failure(ControlRefusal(.diskUnavailable, message: "\(error)")))
                    done()
                }
            }
        }
    }

    static let duplicate = ControlRefusal(
        .duplicate, message: "this site has contributed to this version already")

    private func propose(
        _ contribution: Ledger.Contribution, residual: String?,
        completion: @escaping (Swift.Result<Ledger.Contribution, ControlRefusal>) -> Void, done: @escaping () -> Void
    ) {
        let digest = contribution.contributionDigest
        let row = SlotRow(
            base: contribution.base, baseHeight: contribution.baseHeight, contribution: digest, residual: residual)
        driver.submissions[digest] = row
        pending[digest] = Pending(contribution: contribution, row: row) { result in
            completion(result)
            done()
        }
        driver.feed(.contribute(contribution))
    }

    /// To be told of every notice.
    func noticed(_ notice: Notice) {
        switch notice {
        case .contributionReceived(let contribution):
            guard let waiting = pending.removeValue(forKey: contribution.contributionDigest) else { return }
            settle(waiting)
        case .contributionRefused(let digest, _, let refusal):
            guard let waiting = pending.removeValue(forKey: digest) else { return }
            driver.submissions[digest] = nil
            driver.removeBlob(digest)
            // What cannot be sent stays unsent: the residual is the one from before.
            if let name = waiting.row.residual, name != residual { File.remove(residuals.state.residual(name)) }
            let reason = ControlReason(rawValue: refusal) ?? .internalError
            waiting.completion(.failure(ControlRefusal(reason, message: "the contribution is refused: \(refusal)")))
        case .ownContributionLeftOut(let digest):
            if let slot = slots.values.first(where: { $0.contribution == digest }) { giveBack(slot) }
        case .adopted(let certified, _):
            let listed = Set(certified.version.manifest.map(\.contribution))
            for slot in slots.values where slot.state == .sent && listed.contains(slot.contribution) {
                markSettled(slot)
            }
        default: break
        }
    }

    /// The slot is durable, and with it the residual.
    private func settle(_ waiting: Pending) {
        driver.submissions[waiting.row.contribution] = nil
        slots[waiting.row.base] = waiting.row
        last = waiting.row.contribution
        if let name = waiting.row.residual { replaceResidual(name) }
        waiting.completion(.success(waiting.contribution))
    }

    private func replaceResidual(_ name: String) {
        let old = residual
        residual = name
        if let old, old != name { File.remove(residuals.state.residual(old)) }
    }

    private func isUnreturned(_ digest: ContributionDigest) -> Bool {
        slots.values.contains { $0.contribution == digest && $0.state == .sent }
    }

    /// A slot from before this start of which it is not known whether a version listed it. Each is looked for once:
    /// what is found is written down.
    private func settleOld(_ slot: SlotRow) {
        let database = driver.database
        let heights = slot.baseHeight.value + 1...slot.baseHeight.value + Intake.versionsOpen
        driver.journal.read(
            { () -> Swift.Result<Bool, StoreError> in
                do throws(StoreError) {
                    for height in heights {
                        guard let version = try database.version(at: Height(height)) else { break }
                        if version.version.manifest.contains(where: { $0.contribution == slot.contribution }) {
                            return .success(true)
                        }
                    }
                    return .success(false)
                } catch {
                    return .failure(error)
                }
            },
            completion: { [weak self] found in
                switch found {
                case .success(true): self?.markSettled(slot)
                case .success(false): self?.giveBack(slot)
                // Looked for again at the next start: what a version lists must not be sent twice.
                case .failure(let error): self?.driver.report(error)
                }
            })
    }

    /// So many versions after its base can list a contribution at most.
    private static let versionsOpen = UInt64(Rules.maxStalenessMaximum) + 1

    /// Nothing of the slot has to go back, which a later start then need not look for.
    private func markSettled(_ slot: SlotRow) {
        slots[slot.base]?.state = .settled
        driver.journal.append(JournalBatch(settlements: [slot.base]))
    }

    /// Adds the values of a contribution that no version lists to the residual again.
    private func giveBack(_ slot: SlotRow) {
        guard slot.residual != nil else {
            markSettled(slot)
            return driver.removeBlob(slot.contribution)
        }
        perform { [self] done in
            guard slots[slot.base]?.state == .sent else { return done() }
            let (jobs, residuals, residual, label) = (driver.jobs, residuals, residual, label())
            let rules = driver.node.chain.rules(at: slot.baseHeight.next)
            driver.workers.submit({ Intake.restore(slot, jobs, residuals, residual, rules, label) }) { [self] result in
                switch result {
                case .success(let name):
                    driver.journal.append(JournalBatch(returns: [ResidualReturn(base: slot.base, residual: name)]))
                    slots[slot.base]?.state = .returned
                    // The file of before goes at the next start: until the commit the database names it.
                    self.residual = name
                    driver.removeBlob(slot.contribution)
                case .failure(let error): driver.report(.file(error))
                }
                done()
            }
        }
    }

    private static func restore(
        _ slot: SlotRow, _ jobs: RoundJobs, _ residuals: Residuals, _ residual: String?, _ rules: Rules,
        _ label: String
    ) -> Swift.Result<String, FileError> {
        let temporary = residuals.temporary(label)
        do {
            try jobs.blobs.verify(slot.contribution)
            let payload = try FilePayload(path: jobs.blobs.payloadPath(slot.contribution))
            let next = try ParameterFileAppender(
                path: temporary, parameterCount: jobs.layout.parameterCount)
            let profile = CodecProfile(rules.encoding)
            switch try residuals.open(residual) {
            case let file as ParameterFile:
                try LeftOut.restore(
                    payload, profile: profile, layout: jobs.layout, residual: file, nextResidual: next)
            default:
                try LeftOut.restore(
                    payload, profile: profile, layout: jobs.layout,
                    residual: ZeroParameters(parameterCount: jobs.layout.parameterCount), nextResidual: next)
            }
            _ = try next.finish()
            return .success(try residuals.name(temporary))
        } catch let error as FileError {
            return .failure(error)
        } catch {
            return .failure(.damaged(file: "blobs/\(slot.contribution)", place: "its payload (\(error))"))
        }
    }

    /// Runs one operation on the residual after the other; each calls its argument at its end.
    private func perform(_ operation: @escaping (@escaping () -> Void) -> Void) {
        operations.append { [weak self] in
            operation {
                self?.isBusy = false
                self?.next()
            }
        }
        if !isBusy { next() }
    }

    private func next() {
        guard !isBusy, !operations.isEmpty else { return }
        isBusy = true
        operations.removeFirst()()
    }
}
