import Control
import Crypto
import Gossip
import Ledger

extension ControlServer {
    func answerEvidence(_ id: Int64, _ parameters: EvidenceRequest, _ connection: ControlConnection) {
        let last = parameters.from.map { UInt64(max(0, $0)) } ?? UInt64(Int64.max)
        let count = Int(parameters.count)
        let database = driver.database
        read(
            id, connection,
            { () throws(StoreError) -> (rows: [EvidenceRow], newest: UInt64) in
                (
                    try database.evidence(through: last, count: count),
                    try database.evidence(through: UInt64(Int64.max), count: 1).first?.number ?? 0
                )
            },
            { [self] rows, newest in
                guard parameters.from == nil || last <= newest else {
                    return connection.refuse(
                        id,
                        ControlRefusal(
                            .notFound,
                            message: newest == 0
                                ? "there is no proof \(last): none is held"
                                : "there is no proof \(last): the newest is \(newest)"
                        ))
                }
                connection.answer(
                    id, to: EvidenceRequest.self, EvidenceResponse(evidence: rows.map { summary(of: $0) }))
            })
    }

    func summary(of row: EvidenceRow) -> EvidenceSummary {
        let evidence = row.evidence
        // A member that left since is still named as it was.
        let members = chain.history.members(of: evidence.memberHeight) ?? chain.members
        var author: SiteName?
        let (height, view): (Height, View?) =
            switch evidence.place {
            case .slot(_, let baseHeight): (baseHeight, nil)
            case .height(let height): (height, nil)
            case .view(let height, let view): (height, view)
            }
        if case .slot(let slot, _) = evidence.place, evidence.kind == .availabilityVotes {
            author = siteName(slot.author, in: members)
        }
        return EvidenceSummary(
            number: Int64(clamping: row.number), site: siteName(evidence.accused, in: members),
            member: text(evidence.accused), kind: EvidenceSummary.Kind(evidence.kind), height: Int64(height.value),
            view: view.map { Int64($0.value) },
            author: author, heldAt: Int64(clamping: row.heldAt), description: evidence.words)
    }

    func exportEvidence(_ id: Int64, _ connection: ControlConnection) {
        guard connection.beginSending(.evidence, for: id) else { return }
        let (database, network) = (driver.database, site.genesis.network)
        read(
            id, connection,
            { () throws(StoreError) -> (file: EvidenceFile, bytes: [UInt8]) in
                let file = try database.evidenceFile(network: network)
                return (file, file.encoded)
            },
            failed: { connection.endSending() },
            { [self] export in
                let transfer = id & 0x7fff_ffff
                connection.answer(
                    id, to: EvidenceExportBegin.self,
                    EvidenceExport(
                        transfer: transfer, bytes: Int64(export.bytes.count),
                        proofs: Int64(export.file.evidence.count), certificates: Int64(export.file.certificates.count)))
                send(export.bytes[...], transfer: UInt32(transfer), offset: 0, connection)
            })
    }

    private func send(_ bytes: ArraySlice<UInt8>, transfer: UInt32, offset: Int, _ connection: ControlConnection) {
        guard connection.isOpen, !bytes.isEmpty else { return connection.endSending() }
        let part = bytes.prefix(1 << 20)
        connection.send(
            TensorFrame(
                transfer: transfer, kind: .evidence, tensorIndex: 0, offset: UInt64(offset), bytes: Array(part)))
        connection.whenDrained { [weak self] in
            self?.send(bytes.dropFirst(part.count), transfer: transfer, offset: offset + part.count, connection)
        }
    }
}

extension EvidenceSummary.Kind {
    /// Exhaustive, so that the compiler asks for a kind that is added to the ledger.
    fileprivate init(_ kind: Evidence.Kind) {
        self =
            switch kind {
            case .contributions: .contributions
            case .availabilityVotes: .availabilityVotes
            case .closed: .closed
            case .ready: .ready
            case .proposals: .proposals
            case .votes: .votes
            }
    }
}
