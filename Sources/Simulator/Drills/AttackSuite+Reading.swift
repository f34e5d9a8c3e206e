import Crypto
import Gossip
import Ledger

/// Attacks on what a site keeps to itself: what contributions left unsent, and a payload that its trainer did not hand
/// over.
extension AttackSuite {
    /// They ask an honest site for everything that the wire has words for, under every name that was ever on a wire and
    /// under names of their own.
    func readData() -> Drill.Row {
        var (asked, pieces, strange, leaks, broken) = (0, 0, 0, 0, 0)
        for cluster in make([.falseAvailabilityVotes]) {
            let watch = Watch(cluster, member: members - 1)
            let reader = Reader(cluster, colluders: 0..<colluders, victim: members - 1)
            play(
                cluster, milliseconds: 6_000, { reader.ask(watch) }, until: { cluster.checkers.versions.count >= 4 })
            asked += reader.asked
            pieces += watch.pieces
            strange += watch.strangePieces
            leaks += watch.leaks
            if isPromised, !violations(cluster).isEmpty { broken += 1 }
        }
        return row(
            .readData,
            "they ask a site for objects, versions, pieces, blocks and proofs, by every name that they heard or made up",
            "\(asked) questions bring \(pieces) pieces and blocks, \(strange) of them unpublished, and \(leaks) messages with "
                + "bytes that the site keeps; what a published pseudo-gradient reveals of the text is not bounded",
            isKept: leaks == 0 && strange == 0 && broken == 0, isPromised: colluders < members)
    }

    /// The site's own daemon is another program and says it.
    func leakData() -> Drill.Row {
        var leaks = 0
        for cluster in make([.falseAvailabilityVotes]) {
            let watch = Watch(cluster, member: 0)
            play(
                cluster, milliseconds: 1_000,
                { cluster.spread(CBOR.array([.unsigned(0), .bytes(watch.residual)]).encoded, from: cluster.sites[0]) },
                until: { watch.leaks > 0 })
            if watch.leaks > 0 { leaks += 1 }
        }
        return row(
            .readData, "the site's own daemon is another program, and sends what it finds there",
            "read in \(leaks) of \(clusters) clusters: who is root at a site reads it", isKept: leaks == 0,
            isPromised: false)
    }
}

/// What a site has and never announced, and whether any of it is ever on a wire.
final class Watch {
    let residual: [UInt8]
    private let delta: [UInt8]
    private let member: Int
    private unowned let cluster: Cluster
    /// By what was said on wires: contributions, and roots of parameters.
    private(set) var names: Set<Digest> = []
    private(set) var pieces = 0
    private(set) var strangePieces = 0
    private(set) var leaks = 0
    private var seen: Set<[UInt8]> = []

    init(_ cluster: Cluster, member: Int) {
        self.cluster = cluster
        self.member = member
        var random = SeededRandom(simulationSeed: cluster.options.seed ^ 0x5ec2)
        residual = Watch.bytes(&random)
        delta = Watch.bytes(&random)
        // Under names that nobody was told, in the very store that pieces are sent from.
        for secret in [residual, delta] {
            let name = ContributionDigest(Digest(DigestDomain("mesh/sim-kept"), secret))
            cluster.sites[cluster.bodies[member][0]].disk.blobs[name] = Blob(payload: Blob.Payload(pieces: [secret]))
        }
        cluster.tap = { [unowned self] from, sent in saw(sent, from: from) }
    }

    private static func bytes(_ random: inout SeededRandom) -> [UInt8] {
        (0..<512).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    private func saw(_ sent: Cluster.Sent, from sender: Int) {
        switch sent {
        case .message(let bytes):
            if seen.insert(bytes).inserted { note(RecordScan(bytes: bytes)) }
            if sender == member, holdsSecret(bytes) { leaks += 1 }
        case .piece(let name, let bytes):
            guard sender == member else { return }
            pieces += 1
            if !names.contains(name.contribution.digest), name.contribution.digest != cluster.genesis.roots.name {
                strangePieces += 1
            }
            if holdsSecret(bytes) { leaks += 1 }
        }
    }

    private func note(_ scan: RecordScan) {
        for contribution in scan.contributions { names.insert(contribution.body.contributionDigest.digest) }
        for payload in scan.payloads {
            names.insert(payload.version.roots.name)
            names.insert(payload.version.versionDigest.digest)
        }
        for ready in scan.ready { names.insert(ready.objectDigest) }
        for certificate in scan.availability { names.insert(certificate.digest) }
    }

    /// Whether sixteen bytes in a row of what the site keeps stand there.
    private func holdsSecret(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 16 else { return false }
        return [residual, delta].contains { secret in
            stride(from: 0, to: secret.count, by: 16).contains { start in
                Watch.find(secret[start..<start + 16], in: bytes)
            }
        }
    }

    private static func find(_ part: ArraySlice<UInt8>, in bytes: [UInt8]) -> Bool {
        let first = part[part.startIndex]
        return (0...bytes.count - part.count).contains { index in
            bytes[index] == first && bytes[index..<index + part.count].elementsEqual(part)
        }
    }
}

/// Colluders that ask one site for all that can be asked for.
final class Reader {
    private let cluster: Cluster
    private let colluders: Range<Int>
    private let victim: Int
    private(set) var asked = 0
    private var known: Set<Digest> = []
    private var round: UInt8 = 0

    init(_ cluster: Cluster, colluders: Range<Int>, victim: Int) {
        self.cluster = cluster
        self.colluders = colluders
        self.victim = victim
    }

    /// For everything that is new on wires since, and for a name that is made up.
    func ask(_ watch: Watch) {
        round &+= 1
        let invented = Digest(DigestDomain("mesh/sim-wrong"), [round, 77])
        let names = watch.names.subtracting(known).sorted() + [invented]
        known.formUnion(names)
        var messages: [[UInt8]] = []
        for name in names {
            messages += [
                ForgedMessage.fetch(name), ForgedMessage.want(name, pieces: 0..<8),
                ForgedMessage.wantBlocks(of: name, 0..<6), ForgedMessage.proofs([name], isWish: true),
            ]
        }
        if round % 16 == 1 {
            let height = Height(UInt64(cluster.checkers.versions.count))
            messages += [ForgedMessage.requestHeaders(from: Height(1)), ForgedMessage.fetch(version: height)]
            messages += [
                ForgedMessage.fetch(view: .first), ForgedMessage.wantBlocks(of: cluster.genesis.roots.name, 0..<6),
            ]
        }
        let site = cluster.sites[cluster.bodies[colluders.lowerBound + Int(round) % colluders.count][0]]
        for message in messages { cluster.spread(message, from: site) { $0 == victim } }
        asked += messages.count
    }
}
