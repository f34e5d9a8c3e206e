import Crypto
import Ledger
import Rounds

/// Walks over an exported ledger and checks it version by version.
struct LedgerAudit {
    private let genesis: Genesis
    /// Of the members so far: of the founders, and of members that were admitted later.
    private var names: SlotWords
    private var sets: [AuditReport.MemberRange] = []
    private var reader: LedgerFileReader
    private let ledger: String
    /// The first digits of a version that must be on the chain.
    private let expect: String?
    private let verifier = Verifier()
    private var needs = ReplayNeeds()
    private var history = LedgerHistory()

    init(genesis: Genesis, ledger: String, expect: String?) throws {
        self.genesis = genesis
        self.ledger = ledger
        self.expect = expect
        names = SlotWords(members: genesis.members)
        reader = try LedgerAudit.open(ledger, genesis)
        guard reader.network == genesis.network else {
            throw Failure(
                "\(ledger) is the ledger of network \(reader.network.short), the genesis founds \(genesis.network.short)"
            )
        }
    }

    private static func open(_ ledger: String, _ genesis: Genesis) throws -> LedgerFileReader {
        do throws(LedgerFileError) {
            return try LedgerFileReader(path: ledger)
        } catch {
            throw Failure("\(ledger): \(error.words(SlotWords(members: genesis.members)))")
        }
    }

    /// A first pass over the records alone: which parameters and versions the reverts of this ledger reach back to.
    private mutating func findNeeds(through last: Height?) throws {
        var reader = try LedgerAudit.open(ledger, genesis)
        var chain = Chain(genesis: genesis)
        while last.map({ chain.height < $0 }) ?? true, let entry = try reader.next() {
            needs.note(entry.certified, after: chain)
            chain = try chain.audited(entry.certified, verifier: verifier)
        }
    }

    mutating func run(recomputing folder: RecomputeFolder?, workers: Int, hasModel: Bool) throws -> AuditReport {
        var counts = AuditReport.Counts()
        var chain = Chain(genesis: genesis)
        var replay: Replay?
        // A fork continues the version that its genesis names.
        var expected: VersionDigest? = [chain.headDigest, genesis.origin?.version].compactMap { $0 }.first(
            where: isExpected)
        var signers: Int?
        note(chain)
        do {
            if let folder {
                try findNeeds(through: nil)
                replay = try begin(folder)
            }
            while let entry = try reader.next() {
                try entry.verifyPayloads()
                chain = try step(entry, chain, &replay, folder, workers)
                counts.add(entry)
                note(chain)
                let count = entry.certified.certificate.signatures.signatures.count
                signers = min(signers ?? count, count)
                if isExpected(chain.headDigest) { expected = chain.headDigest }
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
        guard expect == nil || expected != nil else {
            throw Failure("the version \(expect ?? "") that was expected is not on this chain")
        }
        return AuditReport(
            network: genesis.network.description, height: chain.height.value, head: chain.headDigest.description,
            parametersRoot: chain.head.roots.parameters.description, isRecomputed: replay != nil,
            isVersionZeroChecked: hasModel, expected: expected?.description,
            signersLeast: signers, memberSets: closed(at: chain.height),
            founders: genesis.members.members.map(\.name).sorted(), origin: genesis.origin.map { Origin($0) },
            counts: counts)
    }

    private func isExpected(_ version: VersionDigest) -> Bool {
        expect.map { version.description.hasPrefix($0) } ?? false
    }

    /// Takes up the set that signs the next version.
    private mutating func note(_ chain: Chain) {
        names = SlotWords(members: chain.members)
        let digest = chain.members.digest.description
        guard sets.last?.memberSet != digest else { return }
        if let last = sets.popLast() { sets.append(last.through(chain.height.value)) }
        sets.append(
            AuditReport.MemberRange(
                first: chain.nextHeight.value, last: nil, members: chain.members.count, quorum: chain.members.quorum,
                memberSet: digest))
    }

    /// The sets that signed versions; the one that signs the next has none yet where it came with the last.
    private func closed(at height: Height) -> [AuditReport.MemberRange] {
        sets.filter { $0.first <= height.value || sets.count == 1 }
    }

    /// Verifies every version's records, and shows the chain after genesis and after each of them.
    ///
    /// - Returns: the chain at the ledger's end.
    mutating func chain(_ visit: (Chain) -> Void) throws -> Chain {
        var chain = Chain(genesis: genesis)
        visit(chain)
        do {
            while let entry = try reader.next() {
                chain = try chain.audited(entry.certified, verifier: verifier)
                visit(chain)
            }
        } catch let error as LedgerFileError {
            throw Failure("the ledger does not stand: \(error.words(names))")
        } catch let error as AuditFault {
            throw Failure("the ledger does not stand: \(error.words(names))")
        }
        guard reader.end?.head == chain.headDigest else {
            throw Failure("the ledger does not stand: \(LedgerFileError.wrongEnd.words(names))")
        }
        return chain
    }

    /// Verifies every record up to a height, or all, without the parameters.
    ///
    /// - Returns: the chain at that height.
    mutating func chain(through last: Height?) throws -> Chain {
        var chain = Chain(genesis: genesis)
        do {
            while last.map({ chain.height < $0 }) ?? true, let entry = try reader.next() {
                chain = try chain.audited(entry.certified, verifier: verifier)
            }
        } catch let error as LedgerFileError {
            throw Failure("the ledger does not stand: \(error.words(names))")
        } catch let error as AuditFault {
            throw Failure("the ledger does not stand: \(error.words(names))")
        }
        if let last, chain.height < last { throw Failure("the ledger ends at version \(chain.height)") }
        return chain
    }

    /// Verifies and recomputes every version up to a height, or all.
    ///
    /// - Returns: the replay at that height, or at the ledger's end where that comes first.
    mutating func replay(through last: Height?, in folder: RecomputeFolder, workers: Int) throws -> Replay {
        do {
            try findNeeds(through: last)
            var replay: Replay? = try begin(folder)
            var chain = Chain(genesis: genesis)
            while last.map({ chain.height < $0 }) ?? true, let entry = try reader.next() {
                try entry.verifyPayloads()
                chain = try step(entry, chain, &replay, folder, workers)
            }
            guard let replay else { preconditionFailure("a replay stays one") }
            return replay
        } catch let error as LedgerFileError {
            throw Failure("the ledger does not stand: \(error.words(names))")
        } catch let error as AuditFault {
            throw Failure("the ledger does not stand: \(error.words(names))")
        } catch let error as ReplayFault {
            throw Failure("the ledger does not stand: \(error.words(names))")
        }
    }

    private mutating func begin(_ folder: RecomputeFolder) throws(ReplayFault) -> Replay {
        let replay = try Replay(genesis: genesis, parameters: folder.start)
        history.keep(nil, replay.parameters, at: .genesis, by: needs)
        return replay
    }

    private mutating func step(
        _ entry: LedgerFileEntry, _ chain: Chain, _ replay: inout Replay?, _ folder: RecomputeFolder?, _ workers: Int
    ) throws -> Chain {
        guard var next = replay, let folder else { return try chain.audited(entry.certified, verifier: verifier) }
        let before = next.chain.height
        try next.apply(
            entry.certified, payloads: entry, history: history, outputPath: folder.file(entry.certified.height),
            workers: workers, verifier: verifier)
        folder.removeScratch(next.chain.height)
        if !needs.keepsParameters(at: before, head: next.chain.height) { folder.remove(before) }
        for height in history.keep(entry, next.parameters, at: next.chain.height, by: needs) where height < before {
            folder.remove(height)
        }
        replay = next
        return next.chain
    }
}

/// The version that a forked mesh began from.
struct Origin: Encodable {
    let network: String
    let version: String
    let parametersRoot: String

    init(_ origin: ForkOrigin) {
        network = origin.network.description
        version = origin.version.description
        parametersRoot = origin.roots.parameters.description
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
        /// `closed` statements that the versions embed.
        var closed = 0

        mutating func add(_ entry: LedgerFileEntry) {
            versions += 1
            contributions += entry.certified.contributions.count
            payloads += entry.payloadCount
            closed += entry.certified.embedded.closings.reduce(0) { $0 + $1.statements.count }
            for contribution in entry.certified.contributions
            where entry.payload(of: contribution.body.contributionDigest) != nil {
                payloadBytes += contribution.body.payloadBytes
            }
        }
    }

    /// Versions that one member set signed.
    struct MemberRange: Encodable, Equatable {
        /// The first version that the set signs.
        let first: UInt64
        /// The last; absent where the set signs the next version too.
        let last: UInt64?
        let members: Int
        /// Signatures that a certificate takes.
        let quorum: Int
        let memberSet: String

        func through(_ last: UInt64) -> MemberRange {
            MemberRange(first: first, last: last, members: members, quorum: quorum, memberSet: memberSet)
        }

        var words: String {
            let range =
                last.map { $0 == first ? "version \(first)" : "versions \(first) to \($0)" }
                ?? "from version \(first) on"
            return "\(range): \(Words.count(members, "member", "members")), quorum \(quorum)"
        }
    }

    let network: String
    let height: UInt64
    let head: String
    let parametersRoot: String
    let isRecomputed: Bool
    let isVersionZeroChecked: Bool
    /// The version that had to be on the chain; absent where none was named.
    let expected: String?
    /// The fewest signatures of any certificate; absent where there is no version yet.
    let signersLeast: Int?
    let memberSets: [MemberRange]
    let founders: [String]
    /// Where a forked mesh comes from.
    let origin: Origin?
    let counts: Counts

    var text: String {
        let good = Terminal.standard.paint("ok", .good)
        let skipped = Terminal.standard.paint("--", .quiet)
        var lines = ["\(good)  genesis: signed by all founders: \(Words.list(founders))"]
        if let origin {
            lines.append(
                "\(good)  origin: version 0 continues version \(Words.short(origin.version)) of network "
                    + Words.short(origin.network))
        }
        lines.append(
            isVersionZeroChecked
                ? "\(good)  version 0: the model is the one that the genesis names"
                : "\(skipped)  version 0: not compared (--model)")
        lines.append(
            "\(good)  certificates: \(Words.count(counts.versions, "version", "versions")), each signed by a quorum of its "
                + "member set\(signersLeast.map { ", the fewest signatures are \($0)" } ?? "")")
        for set in memberSets { lines.append("    \(set.words)") }
        lines.append(
            "\(good)  inclusion: each version lists what its ready records name, with availability certificates")
        lines.append(
            "\(good)  commitments: \(Words.count(counts.closed, "signed statement", "signed statements")) that what is listed was "
                + "committed before any payload was shown")
        lines.append(
            "\(good)  contributions: \(counts.contributions) signed by their authors, \(counts.payloads) with their bytes "
                + "(\(Words.bytes(Int64(clamping: counts.payloadBytes))))")
        lines.append(
            isRecomputed
                ? "\(good)  parameters: every version recomputed from version 0, every root as certified"
                : "\(skipped)  parameters: not recomputed (--recompute)")
        if let expected { lines.append("\(good)  expected version: \(expected)") }
        lines += ["", "Head  version \(height)  \(head)", "      parameters \(parametersRoot)"]
        return lines.joined(separator: "\n")
    }
}
