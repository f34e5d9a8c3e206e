import Control
import Crypto
import EventLoop
import Foundation
import Ledger
import Rounds
import Tensor
import Testing

@testable import meshctl

@Suite struct StatusTextTests {
    private func site(_ name: String) throws -> SiteName { try #require(SiteName(name)) }

    private func status(
        phase: RoundPhase = .collecting, waitsFor: [Waiting] = [], peers: [PeerState] = [], alarms: [Alarm] = [],
        view: Int64 = 1, minContributions: Int64 = 1, availableContributions: Int64 = 0
    ) throws -> StatusResponse {
        let digest = try #require(DigestText(String(repeating: "0a", count: 32)))
        return StatusResponse(
            site: try site("de"), network: digest, height: 12, head: digest, view: view, phase: phase,
            phaseMilliseconds: 12_400, waitsFor: waitsFor, members: 4, quorum: 3, peers: peers, trainer: .training,
            disk: .writable, alarms: alarms, residentBytes: 48 << 20, uptimeMilliseconds: 3_700_000,
            minContributions: minContributions, availableContributions: availableContributions)
    }

    @Test(arguments: [(Int64(3), Int64(1), true), (3, 3, false), (1, 0, false)])
    func saysWhenTheRulesAskForMoreContributions(least: Int64, available: Int64, isSaid: Bool) throws {
        let text = StatusText(try status(minContributions: least, availableContributions: available))
            .rendered(Terminal(isColoured: false))
        let line = "3 contributions, as many as a version must list (min_contributions): 1 can be listed now"
        #expect(text.contains(line) == isSaid)
        #expect(text.contains("min_contributions") == isSaid)
    }

    @Test func saysWhomARoundWaitsForAndWhy() throws {
        let text = StatusText(
            try status(waitsFor: [
                Waiting(site: site("es"), reason: .contribution), Waiting(site: site("fr"), reason: .contribution),
                Waiting(site: site("pl"), reason: .unreachable),
            ])
        ).rendered(Terminal(isColoured: false))
        #expect(text.contains("waits for  es and fr: their trainers have handed over nothing yet"))
        #expect(text.contains("pl: cannot be reached"))
        #expect(text.contains("version    12  0a0a0a0a0a0a"))
        #expect(!text.contains("\u{1b}"))
    }

    @Test func troubleStandsOut() throws {
        let text = StatusText(
            try status(
                phase: .stopped,
                peers: [
                    PeerState(site: site("es"), link: .down, error: "connection refused"),
                    PeerState(site: site("fr"), link: .up),
                ], alarms: [Alarm(kind: .disk, message: "no space left")], view: 3)
        ).rendered(Terminal(isColoured: true))
        #expect(text.hasPrefix("\u{1b}[31mALARM disk: no space left"))
        #expect(text.contains("connection refused"))
        #expect(text.contains("view 3"))
        #expect(text.contains("1 of 2 up"))
    }

    @Test(arguments: RoundPhase.allCases)
    func everyPhaseHasWords(phase: RoundPhase) throws {
        let text = StatusText(try status(phase: phase)).rendered(Terminal(isColoured: false))
        #expect(text.split(separator: "\n").allSatisfy { !$0.hasSuffix(" ") })
    }
}

@Suite struct ContributionTableTests {
    private func summary(_ author: String, _ figures: ContributionFigures?) throws -> ContributionSummary {
        ContributionSummary(
            author: try #require(SiteName(author)), baseHeight: 1,
            contribution: try #require(DigestText(String(repeating: "0a", count: 32))), bytes: 4096, steps: 2,
            tokens: 512, loss: 5.44, dataSets: [], weightMillionths: 333_333, isListed: true, figures: figures)
    }

    @Test func showsWhatNearCopiesShareAndWhoUndoesWhom() throws {
        let (es, fr) = (try #require(SiteName("es")), try #require(SiteName("fr")))
        let figures = ContributionFigures(
            sharedWeightMillionths: 166_667, clipFactorMillionths: 512_000, stepCosineMillionths: 70_000,
            nearest: ContributionCosine(author: es, cosineMillionths: 1_000_000),
            farthest: ContributionCosine(author: fr, cosineMillionths: -894_427))
        let lines = ContributionTable.rendered([try summary("de", figures)], Terminal(isColoured: false))
            .split(separator: "\n")
        #expect(
            lines == [
                "author  base     size  steps  tokens  loss  weight  clip  step  nearest  farthest  listed  contribution  data sets",
                "de         1  4.0 KiB      2     512  5.44  16.7 %  0.51  0.07  1.00 es  -0.89 fr  yes     0a0a0a0a0a0a  -",
            ])
    }

    @Test func saysWhatIsNotKnownHere() throws {
        let text = ContributionTable.rendered([try summary("de", nil)], Terminal(isColoured: false))
        #expect(text.contains("33.3 %     -     -  -        -         yes"))
        #expect(text.contains("not known here"))
    }
}

@Suite struct DaemonVerbTests {
    private let place: Workplace
    private let genesis: Genesis
    private let history: History

    init() throws {
        place = try Workplace()
        genesis = try place.found()
        var history = try History(genesis, place)
        for _ in 0..<2 { try history.advance() }
        self.history = history
    }

    private func digest(_ value: Digest) throws -> DigestText { try #require(DigestText(value.description)) }

    private func status(network: NetworkID? = nil) throws -> StatusResponse {
        StatusResponse(
            site: try #require(SiteName("de")), network: try digest((network ?? genesis.network).digest), height: 2,
            head: try digest(history.chain.headDigest.digest), view: 1, phase: .collecting, phaseMilliseconds: 1,
            waitsFor: [], members: 4, quorum: 3, peers: [], trainer: .absent, disk: .writable, alarms: [],
            residentBytes: 1, uptimeMilliseconds: 1)
    }

    /// Parts of a transfer, each with at most so many bytes.
    private func frames(
        _ kind: TensorFrameKind, tensor: Int, _ bytes: [UInt8], partBytes: Int, unitBytes: Int
    ) throws -> [Frame] {
        try stride(from: 0, to: bytes.count, by: partBytes).map { offset in
            try TensorFrame(
                transfer: 7, kind: kind, tensorIndex: UInt32(tensor), offset: UInt64(offset / unitBytes),
                bytes: Array(bytes[offset..<min(bytes.count, offset + partBytes)])
            ).frame()
        }
    }

    private func parameterFrames(_ parameters: [Float]) throws -> [Frame] {
        var result: [Frame] = []
        for (index, tensor) in try ParameterLayout(genesis).tensors.enumerated() {
            let bytes = parameters[tensor.range].flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
            result += try frames(.parameters, tensor: index, bytes, partBytes: 8000, unitBytes: 4)
        }
        return result
    }

    private func daemon(
        network: NetworkID? = nil, ledger: [UInt8] = [], parameters: [Float] = []
    ) throws -> ScriptedDaemon {
        try ScriptedDaemon(path: place.path("s")) { [self] id, call in
            switch call {
            case .status: return try ScriptedDaemon.response(id, StatusRequest.self, status(network: network))
            case .rules:
                return try ScriptedDaemon.response(
                    id, RulesRequest.self,
                    RulesResponse(
                        height: 3, rules: digest(genesis.rules.digest),
                        entries: [Rule(name: "inner_steps", value: "10")]))
            case .ledgerExportBegin:
                return try ScriptedDaemon.response(
                    id, LedgerExportBegin.self,
                    LedgerExport(
                        transfer: 7, bytes: Int64(ledger.count), height: 2,
                        head: digest(history.chain.headDigest.digest)))
                    + frames(.ledger, tensor: 0, ledger, partBytes: 1000, unitBytes: 1)
            case .parametersExportBegin:
                return try ScriptedDaemon.response(
                    id, ParametersExportBegin.self,
                    ParametersExport(
                        transfer: 7, bytes: Int64(4 * parameters.count), height: 2,
                        version: digest(history.chain.headDigest.digest),
                        root: digest(history.chain.head.roots.parameters)))
                    + parameterFrames(parameters)
            default:
                return [
                    try Frame(
                        kind: .message,
                        payload: ControlMessage.refusal(id: id, ControlRefusal(.notFound, message: "no such version")))
                ]
            }
        }
    }

    @Test func textAndJSONSayTheSame() throws {
        let daemon = try daemon()
        let text = try place.run(["rules", "--socket", "s"], answeredBy: daemon.loop)
        #expect(text.output.contains("inner_steps  10"), "\(text.errors)")
        let json = try place.run(["rules", "--socket", "s", "--json"], answeredBy: daemon.loop).json()
        #expect(json["height"] as? Int == 3)
        let status = try place.run(["status", "--socket", "s", "--json"], answeredBy: daemon.loop).json()
        #expect(status["head"] as? String == history.chain.headDigest.description)
    }

    @Test func aRefusalIsSaidInWords() throws {
        let daemon = try daemon()
        let result = try place.run(["version", "99", "--socket", "s"], answeredBy: daemon.loop)
        #expect(result.status == 1)
        #expect(result.errors.contains("no such version (not-found)"))
    }

    @Test func withoutADaemonTheVerbSaysSo() throws {
        let result = try place.run("status", "--socket", "nowhere")
        #expect(result.status == 1)
        #expect(result.errors.contains("no daemon listens on nowhere"))
        let unnamed = try place.run("status")
        #expect(unnamed.errors.contains("no daemon was named"))
        let environment = try place.run(["status"], environment: ["MESH_SOCKET": "elsewhere"])
        #expect(environment.errors.contains("no daemon listens on elsewhere"))
    }

    @Test func anExportedLedgerIsTheOneThatVerifyReads() throws {
        let daemon = try daemon(ledger: history.ledger())
        let result = try place.run(["ledger", "export", "out.ledger", "--socket", "s"], answeredBy: daemon.loop)
        #expect(result.status == 0, "\(result.errors)")
        #expect(try place.bytes("out.ledger") == history.ledger())
        #expect(
            try place.run("verify", "--genesis", "genesis.mesh", "--ledger", "out.ledger").output
                .contains(history.chain.headDigest.description))
        #expect(try place.run("ledger", "export", "out.ledger", "--socket", "s").errors.contains("exists already"))
        // A daemon that cut the height down would leave a file that is not what was asked for.
        let cut = try place.run(
            ["ledger", "export", "cut.ledger", "--through", "9999", "--socket", "s"], answeredBy: daemon.loop)
        #expect(cut.status == 1 && cut.errors.contains("through version 2 instead of 9999"), "\(cut.errors)")
    }

    @Test func anExportedModelHasTheCertifiedParameters() throws {
        let daemon = try daemon(parameters: history.parameters)
        let result = try place.run(
            ["export", "hf", "--socket", "s", "--genesis", "genesis.mesh", "--json"], answeredBy: daemon.loop)
        #expect(result.status == 0, "\(result.errors)")
        let folder = try ModelFolder(place.path("hf"))
        #expect(try folder.root() == history.chain.head.roots.parameters)
        #expect(folder.attachments == genesis.attachments)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: place.path("hf")).sorted()
                == ["config.json", "model.safetensors", "tokenizer.json"])
    }

    @Test func otherParametersThanTheCertifiedOnesAreNotExported() throws {
        var parameters = history.parameters
        parameters[10] += 1
        let daemon = try daemon(parameters: parameters)
        let result = try place.run(
            ["export", "hf", "--socket", "s", "--genesis", "genesis.mesh"], answeredBy: daemon.loop)
        #expect(result.status == 1)
        #expect(result.errors.contains("what the daemon sent is not version 2"), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: place.path("hf/model.safetensors")))
    }

    @Test func aDaemonOfAnotherNetworkIsNoticed() throws {
        let daemon = try daemon(network: NetworkID(.zero))
        let result = try place.run(
            ["export", "hf", "--socket", "s", "--genesis", "genesis.mesh"], answeredBy: daemon.loop)
        #expect(result.status == 1)
        #expect(result.errors.contains("the daemon is in network"))
    }
}

@Suite struct DoctorTests {
    @Test func findsWhatIsWrongAndSaysHowToPutItRight() throws {
        let place = try Workplace()
        try place.found()
        try place.write("127.0.0.1:1", to: "peers.txt")
        try place.run(
            "join", "--genesis", "genesis.mesh", "--peers", "peers.txt", "--key", "de", "--model", "model")
        let good = try place.run("doctor", "--json")
        #expect(good.status == 0, "\(good.output)")
        let checks = try #require(try good.json()["checks"] as? [[String: Any]])
        func outcome(_ name: String) -> String? {
            checks.first { $0["name"] as? String == name }?["outcome"] as? String
        }
        for name in ["configuration", "genesis", "node key", "link key", "membership", "version 0", "state"] {
            #expect(outcome(name) == "pass", "\(name)")
        }
        #expect(outcome("daemon") == "warning")

        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: place.path("de/node.key"))
        let wide = try place.run("doctor")
        #expect(wide.status == 1)
        #expect(wide.output.contains("chmod 600"))
        try FileManager.default.removeItem(atPath: place.path("genesis.mesh"))
        #expect(try place.run("doctor").output.contains("cannot be read"))
        try place.write("[mesh\n", to: "meshnode.toml")
        #expect(try place.run("doctor").output.contains("meshnode.toml:1:"))
    }
}
