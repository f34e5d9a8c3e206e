import Control
import Crypto
import EventLoop
import Ledger
import System
import TestKit
import Testing

@testable import MeshNode

/// What a client that asks and does not read can make the daemon hold.
struct ControlConnectionTests {
    /// Both ends of one connection.
    private final class Pair {
        let loop: EventLoop
        let server: ControlConnection
        let client: TestClient
        private let folder: TemporaryFolder
        private let turns: ControlTurns

        init() throws {
            folder = TemporaryFolder()
            loop = try EventLoop()
            var accepted: PipeConnection?
            let listener = try PipeListener(loop: loop, path: folder.path + "/s") { accepted = $0 }
            client = try TestClient.connect(loop, to: listener.path)
            try loop.wait(for: "the other end") { accepted != nil }
            listener.close()
            turns = try ControlTurns(loop: loop)
            server = ControlConnection(stream: accepted!, role: .operator, turns: turns)
        }

        func end() {
            client.stream.close()
            turns.close()
            loop.close()
        }
    }

    /// More than the daemon lets wait for a client, in one frame.
    private static let large = TensorFrame(
        transfer: 1, kind: .ledger, tensorIndex: 0, offset: 0, bytes: [UInt8](repeating: 7, count: 2 << 20))

    @Test("While a client takes nothing, its further requests wait, also those that have come with the first")
    func requestsWait() throws {
        let pair = try Pair()
        defer { pair.end() }
        var dealtWith: [Int64] = []
        pair.server.onRequest = { [unowned pair] request in
            dealtWith.append(request.id)
            pair.server.send(Self.large)
            pair.server.answer(request.id, to: InviteWithdraw.self, Accepted())
        }
        pair.server.start()
        for id in Int64(1)...20 { try pair.client.ask(id, StatusRequest()) }
        try pair.loop.wait(for: "the first request") { !dealtWith.isEmpty }
        #expect(dealtWith == [1])
        pair.client.read()
        try pair.loop.wait(for: "all answers") { pair.client.replies.count == 20 }
        #expect(dealtWith == Array(1...20))
        #expect(pair.client.tensorBytes == 20 * Self.large.bytes.count)
    }

    @Test("A request is dealt with once the one before is answered")
    func oneAtATime() throws {
        let pair = try Pair()
        defer { pair.end() }
        var dealtWith: [Int64] = []
        pair.server.onRequest = { dealtWith.append($0.id) }
        pair.server.start()
        for id in Int64(1)...3 { try pair.client.ask(id, StatusRequest()) }
        try pair.loop.wait(for: "the first request") { !dealtWith.isEmpty }
        #expect(dealtWith == [1])
        pair.server.answer(1, to: InviteWithdraw.self, Accepted())
        try pair.loop.wait(for: "the second") { dealtWith == [1, 2] }
        pair.server.refuse(2, ControlRefusal(.notFound, message: ""))
        try pair.loop.wait(for: "the third") { dealtWith == [1, 2, 3] }
    }

    @Test("Clients that ask without a pause have one request handled per turn of the loop, all together and in turn")
    func clientsShareTheLoop() throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        try sites.start(0)
        var clients: [TestClient] = []
        defer { for client in clients { client.stream.close() } }
        for _ in 0..<4 {
            let client = try TestClient.connect(sites.loop, to: sites.configuration(0).sockets.operator.path)
            client.read()
            clients.append(client)
        }
        for client in clients { for id in Int64(1)...100 { try client.ask(id, StatusRequest()) } }
        var others: Int?
        try sites.wait(for: "all answers") {
            let counts = clients.map(\.replies.count).sorted()
            if others == nil, counts[3] == 100 { others = counts[0] }
            return counts[0] == 100
        }
        #expect(try #require(others) >= 50)
    }

    @Test("What a client hands over is taken while it has not read, and its next request once it has")
    func uploadsGoOn() throws {
        let pair = try Pair()
        defer { pair.end() }
        var (dealtWith, parts): ([Int64], Int) = ([], 0)
        pair.server.onRequest = { [unowned pair] request in
            dealtWith.append(request.id)
            pair.server.send(Self.large)
            pair.server.answer(request.id, to: InviteWithdraw.self, Accepted())
        }
        pair.server.onTensor = { _ in parts += 1 }
        pair.server.start()
        try pair.client.ask(1, StatusRequest())
        let part = TensorFrame(
            transfer: 1, kind: .delta, tensorIndex: 0, offset: 0, bytes: [UInt8](repeating: 1, count: 1 << 18))
        for _ in 0..<32 { pair.client.stream.write(try part.frame().bytes) }
        try pair.client.ask(2, StatusRequest())
        try pair.loop.wait(for: "what is handed over") { parts == 32 }
        #expect(dealtWith == [1])
        pair.client.read()
        try pair.loop.wait(for: "the second answer") { pair.client.replies.count == 2 }
    }

    @Test("Of the versions that come while a client takes nothing, it is told the newest")
    func notificationsDoNotPileUp() throws {
        let pair = try Pair()
        defer { pair.end() }
        pair.server.start()
        pair.server.send(Self.large)
        let version = text(Digest(DigestDomain("test"), [1]))
        let versions = (Int64(1)...5).map {
            RoundVersion(height: $0, version: version, isListed: false, trainedSteps: $0, rules: version)
        }
        pair.server.notify(closing: version, deadlineMilliseconds: 1)
        for version in versions { pair.server.notify(version) }
        // Of the newest version's round too the newest time counts, and what is past is said to be now.
        pair.server.notify(closing: version, deadlineMilliseconds: .max)
        pair.server.notify(closing: version, deadlineMilliseconds: 0)
        pair.client.read()
        let closing = RoundClosing(version: version, milliseconds: 0)
        try pair.loop.wait(for: "the newest") { pair.client.replies.last == .closing(closing) }
        #expect(pair.client.replies == [.version(versions[4]), .closing(closing)])
    }

    @Test(
        "Clients that send nothing, and clients that ask for nothing more, keep no operator out",
        arguments: [true, false])
    func idleClientsGiveUpTheirPlaces(areSilent: Bool) throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        try sites.start(0)
        let path = sites.configuration(0).sockets.operator.path
        var idle: [TestClient] = []
        defer { for client in idle { client.stream.close() } }
        for _ in 0..<ControlPlaces.connectionsMaximum + 8 {
            let client = try TestClient.connect(sites.loop, to: path)
            client.read()
            idle.append(client)
            guard !areSilent else { continue }
            try client.ask(1, StatusRequest())
            try sites.wait(for: "the answer of a client that stays") { client.isAnswered(1) }
        }
        let client = try TestClient.connect(sites.loop, to: path)
        defer { client.stream.close() }
        client.read()
        try client.ask(1, StatusRequest())
        try sites.wait(for: "the operator's answer") { client.isAnswered(1) }
        #expect(client.refusal(of: 1) == nil)
    }

    @Test("Clients that ask without a pause keep no operator out")
    func busyClientsGiveUpTheirPlaces() throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        let daemon = try sites.start(0)
        let path = sites.configuration(0).sockets.operator.path
        var busy: [TestClient] = []
        defer { for client in busy { client.stream.close() } }
        for _ in 0..<ControlPlaces.connectionsMaximum {
            let client = try TestClient.connect(sites.loop, to: path)
            client.read()
            busy.append(client)
        }
        // More than is answered while the test runs: one request of all clients per turn.
        for client in busy { for id in 1...500 { try client.ask(Int64(id), StatusRequest()) } }
        try sites.wait(for: "an answer to each") { busy.allSatisfy { $0.isAnswered(1) } }
        #expect(busy.allSatisfy { !$0.isAnswered(500) })
        let client = try TestClient.connect(sites.loop, to: path)
        defer { client.stream.close() }
        client.read()
        try client.ask(1, StatusRequest())
        try sites.wait(for: "the operator's answer") { client.isAnswered(1) }
        #expect(client.refusal(of: 1) == nil)
        #expect(daemon.control.count(of: .operator) == ControlPlaces.connectionsMaximum)
    }

    @Test("The quietest client that asked for nothing gives up its place first, the busiest last, the trainer never")
    func placesAreGivenUpInOrder() {
        final class Client {}
        let clients = (0..<7).map { _ in Client() }
        func place(
            _ index: Int, attached: Bool = false, requested: Bool = true, busy: Bool = false, unsent: Bool = false,
            quiet: UInt64 = 0, answered: UInt64 = 0, process: Int32 = 1
        ) -> ControlPlaces.Place {
            ControlPlaces.Place(
                client: ObjectIdentifier(clients[index]), isAttached: attached, hasRequested: requested, isBusy: busy,
                hasUnsent: unsent, quietMilliseconds: quiet, answered: answered, process: process)
        }
        var places = [
            place(0, attached: true, quiet: 1 << 40, answered: 1 << 40),
            place(1, busy: true, quiet: 1 << 40, answered: 1), place(6, busy: true, answered: 2),
            place(2, requested: false, quiet: ControlPlaces.firstRequestMilliseconds),
            place(3, requested: false, quiet: ControlPlaces.firstRequestMilliseconds + 1),
            place(4, quiet: ControlPlaces.idleMilliseconds),
            place(5, busy: true, unsent: true, quiet: ControlPlaces.stalledMilliseconds),
        ]
        var order: [Int] = []
        while let next = ControlPlaces.givenUp(places) {
            places.removeAll { $0.client == next }
            order.append(clients.firstIndex { ObjectIdentifier($0) == next }!)
        }
        #expect(order == [3, 2, 4, 5, 6, 1])
        // A process with many busy clients gives up one of them before another process's only client, though that is
        // idle.
        let many = (0..<3).map { place($0, busy: true, answered: UInt64($0), process: 7) }
        let chosen = ControlPlaces.givenUp(many + [place(4, requested: false, quiet: 9, process: 8)])
        #expect(chosen == ObjectIdentifier(clients[2]))
        // Of many busy processes with one client each none keeps out a client that just connected.
        let single = (0..<3).map { place($0, busy: true, answered: UInt64($0) + 1, process: 10 + Int32($0)) }
        let fresh = place(4, requested: false, quiet: 0, process: 20)
        #expect(ControlPlaces.givenUp(single + [fresh]) == ObjectIdentifier(clients[2]))
        // Nor one that waits a little between two requests.
        let brief = place(5, quiet: ControlPlaces.idleMilliseconds - 1, answered: 1, process: 21)
        #expect(ControlPlaces.givenUp(Array(single.dropFirst()) + [brief]) == ObjectIdentifier(clients[2]))
        #expect(ControlPlaces.givenUp([fresh]) == ObjectIdentifier(clients[4]))
        let limit = ControlPlaces.silentMilliseconds
        #expect(ControlPlaces.isOverdue(place(0, requested: false, quiet: limit)))
        #expect(!ControlPlaces.isOverdue(place(0, requested: false, quiet: limit - 1)))
        #expect(!ControlPlaces.isOverdue(place(0, quiet: 1 << 40)))
        #expect(!ControlPlaces.isOverdue(place(0, attached: true, requested: false, quiet: 1 << 40)))
    }

    @Test("A proposal that all operators of the largest mesh have signed fits into an answer")
    func longestProposalFits() throws {
        let comment = try #require(Comment(String(repeating: "x", count: Comment.bytesMaximum)))
        let height = Height(Limits.heightMaximum)
        let action = GovernanceAction(
            change: .rules(Rules()), sequence: .max, first: height, last: height, comment: comment)
        let signature = try #require(Signature(bytes: [UInt8](repeating: 7, count: 64)))
        let signed = SignedGovernanceAction(
            action: action,
            operators: (0..<Limits.members).map {
                OperatorSignature(
                    signer: MemberID(Digest(DigestDomain("test"), [UInt8($0 >> 8), UInt8($0 & 255)])), keyEpoch: .max,
                    signature: signature)
            }, possession: signature)
        #expect(RecordText(bytes: signed.encoded) != nil)
    }

    private final class Gate: Sendable {
        let mutex = Guarded(())
    }

    @Test("One transfer at a time to each client")
    func oneTransferAtATime() throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        let daemon = try sites.start(0)
        try sites.contribute(0, seed: 1)
        try sites.wait(for: "a version that lists it") { sites.height(0) >= 1 && !daemon.intake.isWorking }
        let listed = try #require(try daemon.driver.database.version(at: Height(1))?.version.manifest.first)
        let contribution = text(listed.contribution.digest)
        let client = try TestClient.connect(sites.loop, to: sites.configuration(0).sockets.operator.path)
        defer { client.stream.close() }
        client.read()
        // The workers read what is sent: while they wait, the first transfer is under way.
        let workers = daemon.driver.workers
        let gate = Gate()
        try gate.mutex.withLock { _ in
            for _ in 0..<workers.threadCount { workers.submit({ gate.mutex.withLock { _ in } }, completion: { _ in }) }
            try client.ask(1, ParametersExportBegin(height: 0))
            try client.ask(2, ParametersExportBegin(height: 0))
            try client.ask(3, LedgerExportBegin(through: nil))
            try client.ask(4, ContributionExportBegin(contribution: contribution, height: 1))
            try sites.wait(for: "answers") { (1...4).allSatisfy { client.isAnswered($0) } }
        }
        #expect((1...4).map { client.refusal(of: $0) } == [nil, .busy, .busy, .busy])
        let parameterBytes = 4 * sites.layout.parameterCount
        try sites.wait(for: "the parameters") { client.tensorBytes == parameterBytes }
        try client.ask(5, ContributionExportBegin(contribution: contribution, height: 1))
        try sites.wait(for: "the contribution's answer") { client.isAnswered(5) }
        let payloadBytes = Int(try client.response(5, of: ContributionExportBegin.self).bytes)
        try sites.wait(for: "the contribution") { client.tensorBytes == parameterBytes + payloadBytes }
        try client.ask(6, LedgerExportBegin(through: nil))
        try sites.wait(for: "the ledger's answer") { client.isAnswered(6) }
        #expect(client.refusal(of: 6) == nil)
    }

    @Test("The ledger is written for one client at a time, and a refused one may ask again")
    func oneExportIsWritten() throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        let daemon = try sites.start(0)
        let client = try TestClient.connect(sites.loop, to: sites.configuration(0).sockets.operator.path)
        client.read()
        var isBegun = false
        daemon.driver.beginExport { isBegun = true }
        try sites.wait(for: "another export") { isBegun }
        try client.ask(1, LedgerExportBegin(through: nil))
        try sites.wait(for: "the refusal") { client.isAnswered(1) }
        #expect(client.refusal(of: 1) == .busy)
        daemon.driver.endExport()
        try client.ask(2, LedgerExportBegin(through: nil))
        try sites.wait(for: "the ledger") { client.isAnswered(2) && client.tensorBytes > 0 }
        #expect(client.refusal(of: 2) == nil)
        client.stream.close()
    }

    @Test("Few ledgers wait for clients that do not read them, and those of clients that left do not count")
    func fewLedgersWait() throws {
        // One dense payload makes a ledger of more than waits for a client in memory.
        var rules = Rules()
        rules.encoding = .denseFloat32
        let sites = try TestSites(["de"], parameters: 1 << 20, rules: rules)
        defer { sites.end() }
        try sites.start(0)
        try sites.contribute(0, seed: 1)
        try sites.wait(for: "a version that lists it") { sites.height(0) >= 1 }
        let path = sites.configuration(0).sockets.operator.path
        var clients: [TestClient] = []
        defer { for client in clients { client.stream.close() } }
        /// Reads the answer and no more.
        func export() throws -> ControlReason? {
            let client = try TestClient.connect(sites.loop, to: path)
            clients.append(client)
            try client.ask(1, LedgerExportBegin(through: nil))
            client.read()
            try sites.wait(for: "an answer") {
                if client.isAnswered(1) { client.stopReading() }
                return client.isAnswered(1)
            }
            return client.refusal(of: 1)
        }
        for _ in 0..<ControlServer.ledgerExportsMaximum { #expect(try export() == nil) }
        #expect(try export() == .busy)
        clients[0].stream.close()
        let server = try #require(sites.daemons[0]).control
        try sites.wait(for: "the room of the one that left") {
            server.count(sending: .ledger) < ControlServer.ledgerExportsMaximum
        }
        #expect(try export() == nil)
    }
}
