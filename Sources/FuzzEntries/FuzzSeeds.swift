import Compression
import Control
import Crypto
import Gossip
import Ledger
import Link
import Rounds
import Tensor

/// Inputs to begin with: valid bytes of every kind, so that a fuzzer is past the first checks at once.
public enum FuzzSeeds {
    public static func inputs(of entry: FuzzEntry) -> [[UInt8]] {
        switch entry {
        case .records: records
        case .linkResponder: [handshake.toResponder]
        case .linkInitiator: [handshake.toInitiator]
        case .member: [conversation(versions: 1), conversation(versions: 3)]
        case .control: control
        case .payload: payloads
        case .pieceFrame: payloads.compactMap { PieceFrameEntry.seed(of: $0) }
        case .safetensors: safetensors
        case .ledgerFile: [ledgerFile]
        case .keyFile: keyFiles
        }
    }

    // MARK: - A mesh of four that agrees

    /// Runs four members through some versions and gives, for each, what its shell saw.
    private static func run(versions: Int, hearing: (_ event: Heard) -> Void) -> [MemberShell] {
        let shells = (0..<4).map { MemberShell($0) }
        for index in 0..<4 {
            for peer in 0..<4 where peer != index {
                shells[index].handle(.linkUp(link(index, peer), SmallMesh.sites[peer].member.id))
            }
        }
        for _ in 0..<versions {
            let height = shells[0].node.chain.height
            for index in 0..<4 {
                if index == 0 { hearing(.contribute) }
                let contribution = SmallMesh.contribution(of: index, on: shells[index].node.chain)
                shells[index].handle(.contribute(contribution))
            }
            while shells.contains(where: { $0.node.chain.height == height }) {
                if !deliver(shells, hearing) {
                    for shell in shells { shell.wait(1000) }
                    hearing(.wait(1000))
                }
            }
        }
        return shells
    }

    private enum Heard {
        case message([UInt8], from: Int)
        /// Of the so manieth contribution that member 0 knows of.
        case piece(candidate: Int, index: Int, from: Int)
        case wait(UInt64)
        case contribute
    }

    /// Seen from `index`; links of member 0 have the names that `MemberEntry` gives them.
    private static func link(_ index: Int, _ peer: Int) -> LinkID {
        index == 0 ? MemberEntry.link(peer, attempt: 0) : LinkID(UInt64(100 * index + peer))
    }

    private static func deliver(_ shells: [MemberShell], _ hearing: (Heard) -> Void) -> Bool {
        var isBusy = false
        for (index, shell) in shells.enumerated() {
            let (messages, pieces) = (shell.sent, shell.sentPieces)
            shell.sent = []
            shell.sentPieces = []
            for peer in 0..<4 where peer != index {
                for (link, bytes) in messages where link == self.link(index, peer) {
                    isBusy = true
                    if peer == 0 { hearing(.message(bytes, from: index)) }
                    shells[peer].handle(.message(self.link(peer, index), bytes))
                }
                for (link, name) in pieces where link == self.link(index, peer) {
                    isBusy = true
                    if peer == 0 {
                        let candidates = shells[0].node.report(now: shells[0].now).candidates
                        let candidate = candidates.firstIndex { $0.digest == name.contribution } ?? 0
                        hearing(.piece(candidate: candidate, index: name.index, from: index))
                    }
                    shells[peer].pieceArrives(name, over: self.link(peer, index))
                }
            }
        }
        return isBusy
    }

    /// What member 0 heard while `versions` versions were agreed on, as a script of `MemberEntry`.
    private static func conversation(versions: Int) -> [UInt8] {
        var script: [UInt8] = []
        _ = run(versions: versions) { heard in
            switch heard {
            case .message(let bytes, let peer):
                script += [MemberEntry.byte(.message, peer: peer), UInt8(bytes.count >> 8), UInt8(bytes.count & 255)]
                script += bytes
            case .piece(let candidate, let index, let peer):
                script += [
                    MemberEntry.byte(.piece, peer: peer), UInt8(truncatingIfNeeded: candidate),
                    UInt8(truncatingIfNeeded: index),
                ]
            case .wait(let milliseconds):
                let count = UInt16(clamping: milliseconds)
                script += [MemberEntry.byte(.wait, peer: 1), UInt8(count >> 8), UInt8(count & 255)]
            case .contribute: script.append(MemberEntry.byte(.contribute, peer: 1))
            }
        }
        return script
    }

    /// One of each kind of entry that a member's journal holds after two versions, the genesis, and what governs.
    private static var records: [[UInt8]] {
        let shells = run(versions: 2) { _ in }
        var seeds: [String: [UInt8]] = [:]
        for shell in shells { for entry in shell.journal { seeds["\(entry.kind)"] = entry.encoded } }
        let site = SmallMesh.sites[0]
        let action = GovernanceAction(
            change: .admit(SmallMesh.site(9).member), sequence: 1, first: Height(1), last: Height(9))
        let operators = SmallMesh.sites.map { site in
            OperatorSignature(
                signer: site.member.id, keyEpoch: 0,
                signature: action.signature(by: site.operatorKey, network: SmallMesh.genesis.network))
        }
        let signed = SignedGovernanceAction(action: action, operators: operators)
        let statement = ProposalVerdictStatement(
            verdict: .withdraw, action: action.digest, comment: Comment("a mistake") ?? .none)
        seeds["judged-proposal"] =
            JudgedProposal(
                action: action,
                verdict: SignedProposalVerdict(
                    statement: statement,
                    signature: OperatorSignature(
                        signer: site.member.id, keyEpoch: 0,
                        signature: statement.signature(by: site.operatorKey, network: SmallMesh.genesis.network)))
            ).encoded
        let signatures = SmallMesh.sites.map {
            GenesisSignature(genesis: SmallMesh.genesis, signer: $0.member.id, operatorKey: $0.operatorKey)
        }
        seeds["genesis"] = SmallMesh.genesis.encoded
        seeds["genesis-file"] = GenesisFile(genesis: SmallMesh.genesis, signatures: signatures).encoded
        seeds["card"] =
            SignedCard(
                card: Card(member: site.member, addresses: ["a:1"]), operatorKey: site.operatorKey,
                nodeKey: site.nodeKey
            ).encoded
        seeds["complete-action"] = CompleteAction(signed: signed).encoded
        seeds["rules"] = Rules().encoded
        return seeds.keys.sorted().compactMap { seeds[$0] }
    }

    private static var ledgerFile: [UInt8] {
        var adopted: [CertifiedVersion] = []
        for entry in run(versions: 2, hearing: { _ in })[0].journal {
            if case .adopt(let certified) = entry { adopted.append(certified) }
        }
        var bytes = LedgerFormat.start(network: SmallMesh.genesis.network)
        for certified in adopted {
            bytes += LedgerFormat.version(certified)
            for (index, entry) in certified.version.manifest.enumerated() {
                guard index > 0 else {
                    bytes += LedgerFormat.absentPayload(entry.contribution)
                    continue
                }
                bytes += LedgerFormat.payloadHeader(byteCount: 2 * UInt64(SmallMesh.pieceBytes))
                bytes += [UInt8](repeating: 5, count: 2 * Int(SmallMesh.pieceBytes))
            }
        }
        guard let head = adopted.last else { return bytes }
        return bytes + LedgerFormat.end(height: head.height, head: head.version.versionDigest)
    }

    // MARK: - Links

    private static let handshake: (toResponder: [UInt8], toInitiator: [UInt8]) = {
        let (initiator, responder) = (LinkEntry.session(.initiator), LinkEntry.session(.responder))
        var toResponder: [[UInt8]] = []
        var toInitiator: [[UInt8]] = []
        var outputs: [LinkOutput] = []
        for _ in 0..<3 {
            while let frame = try? initiator.nextFrame(now: Instant(milliseconds: 0)) {
                toResponder.append(frame)
                try? responder.receive(frame, now: Instant(milliseconds: 0), into: &outputs)
            }
            while let frame = try? responder.nextFrame(now: Instant(milliseconds: 0)) {
                toInitiator.append(frame)
                try? initiator.receive(frame, now: Instant(milliseconds: 0), into: &outputs)
            }
        }
        precondition(initiator.isEstablished && responder.isEstablished, "two members establish a link")
        // The end of each side's last handshake message is wrong: whole, they would make members of whoever replays them.
        return (toResponder[0] + flipped(toResponder[1]), flipped(toInitiator[0]))
    }()

    private static func flipped(_ bytes: [UInt8]) -> [UInt8] { bytes.dropLast() + bytes.suffix(1).map { $0 ^ 1 } }

    // MARK: - The control socket and files

    private static var control: [[UInt8]] {
        let requests = ControlSchema.methods.map { schema in
            Array(
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\(schema.name)\",\"params\":{}}".utf8)
        }
        let part =
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"parameters.export.begin\",\"params\":{\"part\":\"optimizer\"}}"
        let frames = requests.prefix(3).compactMap { try? Frame(kind: .message, payload: $0) }
        return requests + [Array(part.utf8), frames.flatMap(\.bytes)]
    }

    private static var payloads: [[UInt8]] {
        guard let layout = try? ParameterLayout([(name: "a", shape: [3, 100]), (name: "b", shape: [5000])]) else {
            return []
        }
        let values = (0..<layout.parameterCount).map { Float(($0 * 37) % 101) - 50 }
        return FuzzEntry.profiles.compactMap { profile in
            var residual = [Float](repeating: 0, count: layout.parameterCount)
            let encoded = try? ContributionEncoder.encode(
                layout: layout, profile: profile, errorFeedback: .standard, delta: values, residual: &residual)
            return encoded?.payload
        }
    }

    private static var safetensors: [[UInt8]] {
        let header =
            #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
            + #""b":{"dtype":"BF16","shape":[1,2],"data_offsets":[8,12]}}"#
        let count = UInt64(header.utf8.count)
        return [
            (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + header.utf8
                + [UInt8](repeating: 1, count: 12)
        ]
    }

    private static var keyFiles: [[UInt8]] {
        var random = SeededRandom(simulationSeed: 4)
        return KeyKind.allCases.compactMap { kind in
            let file = try? KeyFile(kind: kind, secret: random.secret(count: 32), path: "key", random: &random)
            return file?.contents.withUnsafeBytes { Array($0) }
        }
    }
}
