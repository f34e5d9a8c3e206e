import Crypto
import Gossip
import Ledger
import System
import Tensor

/// Versions and blocks for peers that are far behind, and for this node when it is.
extension Driver {
    /// One answer a link at a time: reading costs the thread that commits the journal, and an honest peer asks again
    /// only once it has the last one.
    func sendHeaders(from height: Height, to link: LinkID) {
        headerRequests.ask(link, from: height)
        answerNextHeaderRequest()
    }

    private func answerNextHeaderRequest() {
        guard let (link, height) = headerRequests.next() else { return }
        let database = database
        let began = loop.now
        journal.read(
            { () -> RoundJobs.Outcome<[[UInt8]]> in
                do throws(StoreError) {
                    return RoundJobs.Outcome(value: try Driver.headerMessages(from: height, database))
                } catch {
                    return RoundJobs.Outcome(value: [], trouble: error)
                }
            },
            completion: { [weak self] outcome in
                guard let self else { return }
                if let trouble = outcome.trouble { report(trouble) }
                for message in outcome.value { transport.send(message, to: link) }
                headerTimer.start(afterMilliseconds: loop.now.milliseconds - began.milliseconds + 1) { [weak self] in
                    self?.headerRequests.finish()
                    self?.answerNextHeaderRequest()
                }
            })
    }

    private static func headerMessages(
        from height: Height, _ database: LedgerDatabase
    ) throws(StoreError) -> [[UInt8]] {
        var messages: [[UInt8]] = []
        var byteCount = 0
        var next = height
        var version = try database.version(at: next)
        while let current = version {
            next = next.next
            version = try database.version(at: next)
            // One version of look-ahead: the last part says that it is the last.
            let isFull = byteCount + (version?.encoded.count ?? 0) + current.encoded.count > Wire.headerBytesMaximum
            let parts = Wire.headerMessages(of: current, isLast: isFull || version == nil)
            byteCount += parts.reduce(0) { $0 + $1.count }
            messages += parts
            if isFull { break }
        }
        return messages
    }

    /// Reads each block from disk, for a peer that takes it off our hands soon enough.
    func sendBlocks(_ indexes: [Int], of root: Digest, to link: LinkID) {
        guard jobs.parameters.has(root) else { return transport.send(Wire.absentBlocks(of: root), to: link) }
        for index in indexes {
            let byteCount = 4 * ParameterLayout.blockParameters
            guard transport.reservePiece(byteCount, for: link) else { return }
            let fileCache = fileCache
            workers.submit(
                { () -> RoundJobs.Outcome<RoundJobs.SentPiece?> in
                    do throws(FileError) {
                        let block = try fileCache.block(index, of: root)
                        return RoundJobs.Outcome(
                            value: block.map { RoundJobs.SentPiece(bytes: $0.bytes, proof: $0.proof) })
                    } catch {
                        return RoundJobs.Outcome(value: nil, trouble: .file(error))
                    }
                },
                completion: { [weak self] outcome in
                    if let trouble = outcome.trouble { self?.report(trouble) }
                    self?.transport.sendPiece(
                        BlockName(root: root, index: index).asPiece, outcome.value.map { ($0.bytes, $0.proof) },
                        reserved: byteCount, to: link)
                })
        }
    }

    func openParameters(_ root: Digest) {
        let partial = PartialParameters(parameters: jobs.parameters, root: root)
        let none = [Bool](repeating: false, count: jobs.parameters.shape.blockCount)
        workers.submit(
            { () -> RoundJobs.Outcome<[Bool]> in
                do throws(FileError) {
                    try partial.removeOthers()
                    return RoundJobs.Outcome(value: try partial.held())
                } catch {
                    return RoundJobs.Outcome(value: none, trouble: .file(error))
                }
            },
            completion: { [weak self] outcome in
                self?.settle(outcome)
                self?.feed(.parametersOpened(root, held: outcome.value))
            })
    }

    func storeBlock(_ name: BlockName, _ piece: HeldPiece, from link: LinkID) {
        let partial = PartialParameters(parameters: jobs.parameters, root: name.root)
        workers.submit(
            { () -> RoundJobs.Outcome<PieceOutcome> in
                do throws(FileError) {
                    let stands = try partial.store(name.index, proof: piece.proof, bytes: piece.bytes)
                    return RoundJobs.Outcome(value: stands ? .stored : .mismatch)
                } catch {
                    return RoundJobs.Outcome(value: .failed, trouble: .file(error))
                }
            },
            completion: { [weak self] outcome in
                self?.transport.release(piece.bytes.count, from: piece.link)
                self?.settle(outcome)
                self?.feed(.blockStored(name, outcome.value, from: link))
            })
    }

    func completeParameters(_ root: Digest) {
        let partial = PartialParameters(parameters: jobs.parameters, root: root)
        let none = [Bool](repeating: false, count: jobs.parameters.shape.blockCount)
        // The file is no candidate of an averaging: retention must not take it before it is the head's.
        workers.submit(
            { () -> RoundJobs.Outcome<[Bool]> in
                do throws(FileError) {
                    return RoundJobs.Outcome(value: try partial.complete())
                } catch {
                    return RoundJobs.Outcome(value: none, trouble: .file(error))
                }
            },
            completion: { [weak self] outcome in
                self?.settle(outcome)
                self?.feed(.parametersCompleted(root, held: outcome.value))
            })
    }

    /// The head has changed by its parameters alone.
    func synchronised(_ version: Version) {
        let seconds = (loop.now.milliseconds - min(loop.now.milliseconds, fetchingSince)) / 1000
        logger.notice("version \(version.height)  \(version.versionDigest.short)  by its parameters, in \(seconds) s")
        _ = rounds.turn(now: loop.now.milliseconds, listing: [], bytes: transport.totalBytes)
        retain(version)
    }
}
