import Crypto
import Foundation
import Ledger
import Rounds
import System
import Tensor
import TestKit
import Testing

@testable import Gossip
@testable import MeshNode

/// Daemons whose chain holds a certified revert replay in the background, switch together, and leave a ledger that an
/// auditor recomputes.
@Suite(.serialized)
struct RevertTests {
    private let sites: TestSites

    init() throws { sites = try TestSites(["de", "es", "fr", "pl"]) }

    private func certified(_ height: UInt64, at index: Int = 0) throws -> CertifiedVersion {
        try #require(try sites.daemons[index]?.driver.database.version(at: Height(height)))
    }

    private var areDone: Bool {
        sites.daemons.values.allSatisfy {
            $0.driver.node.chain.governance.reverts.count == 1
                && $0.driver.node.chain.governance.pendingReverts.isEmpty
        }
    }

    private func revertSomething() throws -> (poison: ContributionDigest, decided: Height) {
        for index in 0..<4 { try sites.start(index) }
        try sites.settle(at: 3)
        let poison = try certified(2).version.manifest[1].contribution
        for index in 0..<4 { sites.stop(index) }
        let decided = try sites.decide(.revert(.contribution(poison), from: Height(2)))
        for index in 0..<4 { try sites.start(index) }
        return (poison, decided)
    }

    @Test func allSitesSwitchToTheReplayAndAnAuditorFindsTheSame() throws {
        defer { sites.end() }
        let (poison, decided) = try revertSomething()
        try sites.train(for: "the switch") { areDone }
        let switched = try #require(sites.daemons[0]?.driver.node.chain.governance.reverts[0].switched)
        #expect(switched > decided)
        try sites.train(for: "versions on the new state") {
            (0..<4).allSatisfy { sites.height($0) >= switched.value + 2 }
        }
        for index in 1..<4 {
            #expect(try certified(switched.value, at: index).version == certified(switched.value).version)
        }
        // Nothing of the replay is left but the head's parameters.
        try sites.wait(for: "an empty folder") {
            sites.daemons.keys.allSatisfy {
                ((try? Folder.names(in: sites.state($0) + "/replay")) ?? ["?"]).isEmpty
            }
        }
        let listing = try certified(2)
        #expect(listing.version.manifest.contains { $0.contribution == poison })
        try audit()
    }

    @Test func aReplayGoesOnWhereACrashLeftIt() throws {
        defer { sites.end() }
        _ = try revertSomething()
        try sites.wait(for: "the first step") { sites.daemons[0]?.driver.replayProgress?.mark != nil || areDone }
        for index in 0..<4 { sites.stop(index) }
        for index in 0..<4 { try sites.start(index) }
        try sites.train(for: "the switch") { areDone }
        try audit()
    }

    /// From version 0, with the daemon's own ledger and blobs.
    private func audit() throws {
        let driver = try #require(sites.daemons[0]?.driver)
        let folder = TemporaryFolder()
        let start = try ParameterFile.write(
            try SafetensorsFile(path: sites.folder + "/model.safetensors").parameters(sites.layout),
            to: folder.path + "/0")
        var replay = try Replay(
            genesis: sites.genesis,
            parameters: ParameterFile(
                path: folder.path + "/0", parameterCount: sites.layout.parameterCount, expectedRoot: start.name))
        var history = DaemonHistory(driver: driver, parameters: [.genesis: replay.parameters])
        let verifier = Verifier()
        for value in 1...driver.node.chain.height.value {
            let certified = try certified(value)
            try replay.apply(
                certified, payloads: BlobPayloads(blobs: driver.jobs.blobs), history: history,
                outputPath: folder.path + "/\(value)", workers: 2, verifier: verifier)
            history.parameters[certified.height] = replay.parameters
        }
        #expect(replay.chain.headDigest == driver.node.chain.headDigest)
        #expect(replay.chain.governance.pendingReverts.isEmpty)
    }
}

private struct DaemonHistory: ReplayHistory {
    let driver: Driver
    var parameters: [Height: ParameterFile]

    func parameters(at height: Height) -> ParameterFile? { parameters[height] }

    func version(at height: Height) -> (certified: CertifiedVersion, payloads: any PayloadSource)? {
        guard let certified = try? driver.database.version(at: height) else { return nil }
        return (certified, BlobPayloads(blobs: driver.jobs.blobs))
    }
}
