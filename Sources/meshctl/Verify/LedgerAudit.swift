import Crypto
import Ledger
import Rounds

/// Walks over an exported ledger and checks it version by version.
struct LedgerAudit {
    private let genesis: Genesis
    private let names: SlotWords
    private var reader: LedgerFileReader
    private let expect: VersionDigest?
    private let verifier = Verifier()

    init(genesis: Genesis, ledger: String, expect: VersionDigest?) throws {
        self.genesis = genesis
        self.expect = expect
        names = SlotWords(members: genesis.members)
        do throws(LedgerFileError) {
            reader = try LedgerFileReader(path: ledger)
        } catch {
            throw Failure("\(ledger): \(error.words(SlotWords(members: genesis.members)))")
        }
        guard reader.network == genesis.network else {
            throw Failure(
                "\(ledger) is the ledger of network \(reader.network.short), the genesis founds \(genesis.network.short)"
            )
        }
    }

    mutating func run(recomputing folder: RecomputeFolder?, workers: Int, hasModel: Bool) throws -> AuditReport {
        var counts = AuditReport.Counts()
        var chain = Chain(genesis: genesis)
        var replay: Replay?
        var isExpectedFound = expect == nil || expect == chain.headDigest
        var signers: Int?
        do {
            if let folder { replay = try Replay(genesis: genesis, parameters: folder.start) }
            while let entry = try reader.next() {
                try entry.verifyPayloads()
                chain = try step(entry, chain, &replay, folder, workers)
                counts.add(entry)
                let count = entry.certified.certificate.signatures.signatures.count
                signers = min(signers ?? count, count)
                if chain.headDigest == expect { isExpectedFound = true }
            }
        } catch let error as LedgerFileError {
            throw Failure("the ledger does not stand: \(error.words(names))")
        } catch let error as AuditFault {
            throw Failure("the ledger does not stand: \(error.words(names))")
        } catch let error as ReplayFault {
            throw Failure("the ledger does not stand: \(error.words(names))")
        }
        guard reader.end?.head == chain.headDigest else {
            throw Failure("the ledger does not stand: \(LedgerFileError.wrongEnd.words(names))")
        }
        guard isExpectedFound else {
            throw Failure("the version \(expect?.short ?? "") that was expected is not on this chain")
        }
        return AuditReport(
            network: genesis.network.description, height: chain.height.value, head: chain.headDigest.description,
            parametersRoot: chain.head.roots.parameters.description, isRecomputed: replay != nil,
            isVersionZeroChecked: hasModel, signersLeast: signers, quorum: genesis.members.quorum,
            founders: genesis.members.members.map(\.name).sorted(), counts: counts)
    }

    /// Verifies and recomputes every version up to a height, or all.
    ///
    /// - Returns: the replay at that height, or at the ledger's end where that comes first.
    mutating func replay(through last: Height?, in folder: RecomputeFolder, workers: Int) throws -> Replay {
        do {
            var replay: Replay? = try Replay(genesis: genesis, parameters: folder.start)
            var chain = Chain(genesis: genesis)
            while last.map({ chain.height < $0 }) ?? true, let entry = try reader.next() {
                try entry.verifyPayloads()
                chain = try step(entry, chain, &replay, folder, workers)
            }
            guard let replay else { preconditionFailure("a replay stays one") }
            return replay
        } catch let error as LedgerFileError {
            throw Failure("the ledger does not stand: \(error.words(names))")
        } catch let error as ReplayFault {
            throw Failure("the ledger does not stand: \(error.words(names))")
        }
    }

    private func step(
        _ entry: LedgerFileEntry, _ chain: Chain, _ replay: inout Replay?, _ folder: RecomputeFolder?, _ workers: Int
    ) throws -> Chain {
        guard var next = replay, let folder else { return try chain.audited(entry.certified, verifier: verifier) }
        let before = next.chain.height
        try next.apply(
            entry.certified, payloads: entry, outputPath: folder.file(entry.certified.height), workers: workers,
            verifier: verifier)
        folder.remove(before)
        replay = next
        return next.chain
    }
}

/// What was checked, and what came out.
struct AuditReport: Encodable {
    struct Counts: Encodable {
        var versions = 0
        var contributions = 0
        /// Contributions whose bytes are in the ledger.
        var payloads = 0
        var payloadBytes: UInt64 = 0

        mutating func add(_ entry: LedgerFileEntry) {
            versions += 1
            contributions += entry.certified.contributions.count
            payloads += entry.payloadCount
            for contribution in entry.certified.contributions
            where entry.payload(of: contribution.body.contributionDigest) != nil {
                payloadBytes += contribution.body.payloadBytes
            }
        }
    }

    let network: String
    let height: UInt64
    let head: String
    let parametersRoot: String
    let isRecomputed: Bool
    let isVersionZeroChecked: Bool
    /// The fewest signatures of any certificate; absent where there is no version yet.
    let signersLeast: Int?
    let quorum: Int
    let founders: [String]
    let counts: Counts

    var text: String {
        let good = Terminal.standard.paint("ok", .good)
        let skipped = Terminal.standard.paint("--", .quiet)
        var lines = ["\(good)  genesis: signed by all founders: \(Words.list(founders))"]
        lines.append(
            isVersionZeroChecked
                ? "\(good)  version 0: the model is the one that the genesis names"
                : "\(skipped)  version 0: not compared (--model)")
        lines.append(
            "\(good)  certificates: \(Words.count(counts.versions, "version", "versions")), each signed by at least "
                + "\(signersLeast ?? quorum) of \(founders.count) (quorum \(quorum))")
        lines.append(
            "\(good)  inclusion: each version lists what its ready records name, with availability certificates")
        lines.append(
            "\(good)  contributions: \(counts.contributions) signed by their authors, \(counts.payloads) with their bytes "
                + "(\(Words.bytes(Int64(clamping: counts.payloadBytes))))")
        lines.append(
            isRecomputed
                ? "\(good)  parameters: every version recomputed from version 0, every root as certified"
                : "\(skipped)  parameters: not recomputed (--recompute)")
        lines += ["", "Head  version \(height)  \(head)", "      parameters \(parametersRoot)"]
        return lines.joined(separator: "\n")
    }
}
