import Control
import Gossip
import Ledger
import Rounds
import System
import Tensor

/// The payload of one contribution, for a site that judges it.
extension ControlServer {
    func exportContribution(
        _ id: Int64, _ parameters: ContributionExportBegin, _ connection: ControlConnection
    ) {
        let wanted = ContributionDigest(digest(parameters.contribution))
        guard let listing = parameters.height else {
            let candidates = driver.node.report(now: driver.now).candidates
            guard let candidate = candidates.first(where: { $0.digest == wanted }) else {
                return connection.refuse(
                    id, ControlRefusal(.notFound, message: "no contribution \(wanted.short) is under review here"))
            }
            return send(candidate.contribution, wanted, id, connection)
        }
        guard let height = existing(listing, id, connection) else { return }
        let database = driver.database
        read(
            id, connection, { () throws(StoreError) in try database.version(at: height)?.contributions },
            { [self] contributions in
                guard let found = contributions?.first(where: { $0.body.contributionDigest == wanted }) else {
                    return connection.refuse(
                        id,
                        ControlRefusal(.notFound, message: "version \(height) lists no contribution \(wanted.short)"))
                }
                send(found.body, wanted, id, connection)
            })
    }

    private func send(
        _ contribution: Ledger.Contribution, _ digest: ContributionDigest, _ id: Int64, _ connection: ControlConnection
    ) {
        // The place is taken before the payload is read: a client has no more than one read at a time.
        guard connection.beginSending(.contribution, for: id) else { return }
        let blobs = driver.jobs.blobs
        driver.workers.submit(
            { () -> Swift.Result<(any PayloadReader)?, StoreError> in
                guard blobs.isComplete(digest) else { return .success(nil) }
                // What is judged is what its author signed.
                do throws(FileError) { try blobs.verify(digest) } catch { return .failure(.file(error)) }
                return .success(BlobPayloads(blobs: blobs).payload(of: digest))
            },
            completion: { [weak self] result in
                guard let self else { return }
                switch result {
                case .success(let payload?): send(payload, of: contribution, id, connection)
                case .success(nil):
                    connection.endSending()
                    connection.refuse(
                        id,
                        ControlRefusal(
                            .notFound,
                            message: "the payload of \(digest.short) is not complete here, or is no longer kept"))
                case .failure(let error):
                    driver.report(error)
                    connection.endSending()
                    connection.refuse(id, ControlRefusal(.diskUnavailable, message: "\(error)"))
                }
            })
    }

    private func send(
        _ payload: any PayloadReader, of contribution: Ledger.Contribution, _ id: Int64,
        _ connection: ControlConnection
    ) {
        let transfer = id & 0x7fff_ffff
        let averaging = Tensor.AveragingRule(chain.rules, members: chain.members.count, stepsBefore: 0)
        connection.answer(
            id, to: ContributionExportBegin.self,
            ContributionExport(
                transfer: transfer, bytes: Int64(payload.byteCount),
                baseHeight: Int64(contribution.baseHeight.value),
                codec: ControlServer.codec(contribution.encoding, chain.rules),
                sendersMinimum: Int64(averaging.sendersMinimum),
                outerLearningRateQ16: Int64(chain.rules.outerLearningRateQ16),
                innerSteps: Int64(chain.rules.innerSteps), schedule: TrainerSession.schedule(chain.rules)))
        stream(.contribution, byteCount: payload.byteCount, transfer: UInt32(transfer), connection) { offset, count in
            var bytes = [UInt8](repeating: 0, count: count)
            guard (try? bytes.withUnsafeMutableBytes({ try payload.read(at: offset, into: $0) })) != nil else {
                return nil
            }
            return bytes
        }
    }

    /// An encoding as clients are told of it.
    static func codec(_ encoding: Encoding, _ rules: Rules) -> Control.CodecProfile {
        let chunk = Int64(ParameterLayout.chunkParameters)
        let (name, kept, bits): (Control.CodecProfile.Name, Int64, Int64) =
            switch encoding {
            case .topK(let kept, let bits): (.topK, Int64(kept), Int64(bits))
            case .denseFloat32: (.denseFloat32, chunk, 32)
            case .denseBFloat16: (.denseBFloat16, chunk, 16)
            }
        return Control.CodecProfile(
            name: name, keptPerChunk: kept, chunkElements: chunk, valueBits: bits,
            feedbackDecay: Double(rules.errorFeedbackQ16) / 65_536)
    }
}
