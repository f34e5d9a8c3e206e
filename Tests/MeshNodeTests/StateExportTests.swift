import Control
import Crypto
import Gossip
import Ledger
import System
import Testing

@testable import MeshNode

/// What auditors fetch: contributions, parameters, and the state of a shared optimizer.
@Suite(.serialized)
struct StateExportTests {
    private func connect(_ sites: TestSites) throws -> TestClient {
        let client = try TestClient.connect(sites.loop, to: sites.configuration(0).sockets.operator.path)
        client.read()
        return client
    }

    @Test(
        "A contribution that is unknown, not listed, damaged or no longer here is not exported, and the client is told why"
    )
    func refusesContributions() throws {
        let sites = try TestSites(["de"])
        defer { sites.end() }
        let daemon = try sites.start(0)
        try sites.contribute(0, seed: 1)
        try sites.wait(for: "a version that lists it") { sites.height(0) >= 1 && !daemon.intake.isWorking }
        let version = try #require(try daemon.driver.database.version(at: Height(1)))
        let contribution = try #require(version.version.manifest.first).contribution
        let listed = text(contribution.digest)
        let client = try connect(sites)
        defer { client.stream.close() }
        var id: Int64 = 0
        func refusal(_ contribution: DigestText, _ height: Int64?) throws -> ControlReason? {
            id += 1
            try client.ask(id, ContributionExportBegin(contribution: contribution, height: height))
            try sites.wait(for: "an answer") { client.isAnswered(id) }
            return client.refusal(of: id)
        }
        #expect(try refusal(text(Digest.zero), nil) == .notFound)
        #expect(try refusal(text(Digest.zero), 1) == .notFound)
        #expect(try refusal(listed, 2) == .notFound)
        #expect(try refusal(listed, 1) == nil)
        let bytes = Int(try client.response(id, of: ContributionExportBegin.self).bytes)
        try sites.wait(for: "the payload") { client.tensorBytes == bytes }

        let path = daemon.driver.jobs.blobs.state.blob(contribution)
        try flipBit(in: path, at: 100)
        #expect(try refusal(listed, 1) == .diskUnavailable)
        File.remove(path)
        #expect(try refusal(listed, 1) == .notFound)
        #expect(client.tensorBytes == bytes)
    }

    /// As many parameters as a block has: the number of steps then has a block of its own.
    @Test(
        "A version's optimizer state has one value more than its parameters, and without a shared optimizer there is none",
        arguments: [false, true])
    func exportsOptimizerState(isShared: Bool) throws {
        var rules = Rules()
        if isShared { rules.innerOptimizer = .sharedAdamW }
        let sites = try TestSites(["de"], parameters: 262_144, rules: rules)
        defer { sites.end() }
        let daemon = try sites.start(0)
        try sites.contribute(0, seed: 1)
        try sites.wait(for: "a version") { sites.height(0) >= 1 }
        let client = try connect(sites)
        defer { client.stream.close() }
        client.keepsFrames = true
        try client.ask(1, ParametersExportBegin(height: 1, part: .optimizer))
        try sites.wait(for: "an answer") { client.isAnswered(1) }
        guard isShared else {
            #expect(client.refusal(of: 1) == .notFound)
            try client.ask(2, ParametersExportBegin(height: 1, part: .parameters))
            try sites.wait(for: "the parameters") { client.tensorBytes == 4 * 262_144 }
            return
        }
        let export = try client.response(1, of: ParametersExportBegin.self)
        #expect(export.bytes == 4 * 262_145)
        #expect(export.root == text(daemon.driver.node.chain.head.roots.outer))
        try sites.wait(for: "the state") { client.tensorBytes == 4 * 262_145 }
        let last = try #require(client.frames.last)
        #expect(last.tensorIndex == UInt32(sites.layout.tensors.count) && last.offset == 0)
        let bytes = client.frames.flatMap(\.bytes)
        let leaves = [MerkleTree.leaf(Array(bytes.dropLast(4))), MerkleTree.leaf(Array(bytes.suffix(4)))]
        #expect(text(MerkleTree(leaves: leaves).root) == export.root)
    }
}
