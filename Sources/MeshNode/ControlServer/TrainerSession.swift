import Control
import Crypto
import EventLoop
import Gossip
import Ledger
import Link
import Rounds
import System
import Tensor

/// The attached trainer: gives it bases, receives its contributions tensor by tensor into a bounded file.
final class TrainerSession {
    let connection: ControlConnection
    private unowned let server: ControlServer
    private let trainer: Digest
    private var transfer: IncomingTransfer?
    private var isCommitting = false
    private var nextTransfer: Int64 = 1

    init(connection: ControlConnection, server: ControlServer, trainer: Digest) {
        self.connection = connection
        self.server = server
        self.trainer = trainer
    }

    private var driver: Driver { server.driver }
    private var chain: Chain { driver.node.chain }
    private var layout: ParameterLayout { driver.jobs.layout }

    var state: TrainerState {
        if transfer != nil || isCommitting { return .transferring }
        return server.intake.isTaken(chain.headDigest) ? .done : .training
    }

    var welcome: TrainerAttached {
        TrainerAttached(
            network: text(chain.network), site: server.site.name, height: Int64(chain.height.value),
            version: text(chain.headDigest), trainedSteps: Int64(chain.trainedSteps),
            layout: layout.tensors.map { Control.TensorShape(name: $0.name, shape: $0.shape.map { Int64($0) }) },
            codec: ControlServer.codec(chain.rules.encoding, chain.rules), rules: text(chain.rules.digest),
            innerSteps: Int64(chain.rules.innerSteps),
            schedule: TrainerSession.schedule(chain.rules),
            isHandedOver: server.intake.isTaken(chain.headDigest))
    }

    static func schedule(_ rules: Rules) -> InnerSchedule {
        InnerSchedule(
            batchSequences: Int64(rules.batchSequences), scheduleSteps: Int64(rules.scheduleSteps),
            warmupSteps: Int64(rules.warmupSteps), optimizer: optimizer(rules.innerOptimizer),
            learningRateNano: Int64(rules.innerLearningRateNano),
            muonLearningRateNano: Int64(rules.muonLearningRateNano))
    }

    private static func optimizer(_ optimizer: InnerOptimizer) -> InnerSchedule.Optimizer {
        switch optimizer {
        case .adamW: .adamW
        case .muon: .muon
        case .sharedAdamW: .sharedAdamW
        }
    }

    func adopted(_ version: Version) {
        connection.notify(
            RoundVersion(
                height: Int64(version.height.value), version: text(version.versionDigest),
                isListed: server.intake.isListed(in: version), trainedSteps: Int64(chain.trainedSteps),
                rules: text(chain.rules.digest)))
    }

    /// The round on this version closes then, and this site has not committed yet.
    func closes(_ version: VersionDigest, at deadline: Link.Instant) {
        connection.notify(closing: text(version), deadlineMilliseconds: deadline.milliseconds)
    }

    func closed() {
        transfer?.abandon()
        transfer = nil
    }

    func received(_ request: ControlRequest) {
        switch request.call {
        case .trainerBase(let parameters): sendBase(request.id, VersionDigest(digest(parameters.version)))
        case .trainerContributeBegin(let parameters): begin(request.id, parameters)
        case .trainerContributeCommit(let parameters): commit(request.id, parameters)
        case .trainerContributeAbort(let parameters):
            guard let transfer, transfer.id == parameters.transfer else { return refuseUnknown(request.id) }
            transfer.abandon()
            self.transfer = nil
            connection.answer(request.id, to: TrainerContributeAbort.self, Accepted())
        case .trainerTrouble(let parameters):
            if server.trainerTrouble != parameters.trouble {
                driver.logger.error("the trainer hands nothing over: \(ControlServer.words(parameters.trouble))")
            }
            server.trainerTrouble = parameters.trouble
            connection.answer(request.id, to: TrainerTroubleReport.self, Accepted())
        default: preconditionFailure("the server sends a trainer's requests here only")
        }
    }

    private func refuseUnknown(_ id: Int64) {
        connection.refuse(id, ControlRefusal(.unknownTransfer, message: "no such transfer is under way"))
    }

    // MARK: Bases

    private func sendBase(_ id: Int64, _ version: VersionDigest) {
        guard let base = chain.base(version),
            let root = driver.baseRoots.last(where: { $0.height == base.height })?.root,
            let file = try? driver.jobs.parameters.open(root)
        else {
            return connection.refuse(
                id, ControlRefusal(.notFound, message: "the parameters of this version are not here"))
        }
        guard connection.beginSending(.parameters, for: id) else { return }
        let transfer = nextTransfer
        nextTransfer += 1
        connection.answer(
            id, to: TrainerBase.self,
            BaseTransfer(transfer: transfer, bytes: Int64(4 * layout.parameterCount), parametersRoot: text(file.root)))
        OutgoingState(
            source: file, layout: layout, transfer: UInt32(truncatingIfNeeded: transfer), connection: connection,
            driver: driver
        ).start()
    }

    // MARK: Contributions

    private func begin(_ id: Int64, _ parameters: TrainerContributeBegin) {
        func refuse(_ reason: ControlReason, _ message: String) {
            connection.refuse(id, ControlRefusal(reason, message: message))
        }
        guard transfer == nil, !isCommitting else { return refuse(.busy, "a transfer is under way already") }
        let version = VersionDigest(digest(parameters.base))
        guard let base = chain.base(version) else {
            return refuse(.wrongBase, "the base is none of the last \(chain.rules.maxStaleness + 1) versions")
        }
        guard !server.intake.isTaken(version) else { return connection.refuse(id, Intake.duplicate) }
        let exact = 4 * layout.parameterCount
        let limit = Int(clamping: base.payloadBytesMaximum)
        switch parameters.form {
        case .delta:
            guard parameters.bytes == exact else {
                return refuse(.sizeMismatch, "a delta of this model has \(exact) bytes, not \(parameters.bytes)")
            }
        case .encoded:
            guard parameters.bytes <= limit else {
                return refuse(.tooLarge, "a payload of this model has at most \(limit) bytes")
            }
        }
        do throws(FileError) {
            transfer = try IncomingTransfer(
                id: parameters.transfer, base: version, form: parameters.form, byteCount: Int(parameters.bytes),
                path: driver.jobs.blobs.state.incoming + "/" + server.intake.label())
        } catch {
            driver.report(.file(error))
            return refuse(.diskUnavailable, "\(error)")
        }
        connection.answer(id, to: TrainerContributeBegin.self, Accepted())
    }

    /// One part of a transfer. The connection is not read on until it is written.
    func received(_ frame: TensorFrame) {
        guard let transfer, Int64(frame.transfer) == transfer.id else { return }
        guard let offset = transfer.take(frame, layout: layout) else { return }
        connection.hold()
        let file = transfer.file
        driver.workers.submit(
            { () -> StoreError? in
                do throws(FileError) {
                    try file.write(frame.bytes, at: offset)
                    return nil
                } catch {
                    return .file(error)
                }
            },
            completion: { [weak self] error in
                guard let self else { return }
                if let error {
                    self.driver.report(error)
                    transfer.failure = ControlRefusal(.diskUnavailable, message: "\(error)")
                }
                self.connection.release()
            })
    }

    private func commit(_ id: Int64, _ parameters: TrainerContributeCommit) {
        guard let transfer, transfer.id == parameters.transfer else { return refuseUnknown(id) }
        self.transfer = nil
        if let refusal = transfer.refusal {
            transfer.abandon()
            return connection.refuse(id, refusal)
        }
        guard let base = chain.base(transfer.base) else {
            transfer.abandon()
            return connection.refuse(
                id, ControlRefusal(.wrongBase, message: "the base is too old by now; train from the newest version"))
        }
        let dataSets = Set(parameters.datasets.map { digest($0) }).sorted()
        if let excluded = chain.governance.forbidden(of: dataSets, baseHeight: base.height) {
            transfer.abandon()
            return connection.refuse(
                id,
                ControlRefusal(
                    .excludedDataSet, message: "the members excluded the data set \(excluded) from all contributions"))
        }
        let report = TrainingReport(
            steps: UInt64(parameters.steps), tokens: UInt64(parameters.tokens),
            lossCentinats: TrainingReport.centinats(parameters.loss), dataSets: dataSets, trainer: trainer)
        isCommitting = true
        server.intake.submit(path: transfer.path, form: transfer.form, base: base, report: report) {
            [weak self] result in
            guard let self else { return }
            self.isCommitting = false
            switch result {
            case .success(let contribution):
                self.server.trainerTrouble = nil
                self.connection.answer(
                    id, to: TrainerContributeCommit.self,
                    ContributionCommitted(
                        contribution: text(contribution.contributionDigest),
                        bytes: Int64(clamping: contribution.payloadBytes)))
            case .failure(let refusal): self.connection.refuse(id, refusal)
            }
        }
    }
}
