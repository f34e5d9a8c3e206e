import Control
import Foundation
import Ledger
import Testing

/// Real daemons, as processes, with trainers that hand over random pseudo-gradients.
@Suite(.serialized)
struct FourSitesTests {
    static let names = ["de", "es", "fr", "pl"]
    static let timing = """
        round_deadline_milliseconds = 3000
        grace_minimum_milliseconds = 100
        view_initial_milliseconds = 1000
        standstill_milliseconds = 300
        """

    @Test("Four sites certify a chain of versions and stand at equal heads")
    func reachesEqualHeads() throws {
        let mesh = try Mesh(Self.names, parameters: 20_000, timing: Self.timing)
        defer { mesh.remove() }
        let daemons = try mesh.sites.map { try DaemonProcess($0) }
        let trainers = mesh.sites.enumerated().map {
            ScriptedTrainer(socket: $0.element.socket, seed: UInt64($0.offset) << 32)
        }
        defer { for trainer in trainers { trainer.stop() } }
        try Condition.wait(for: "version 5 everywhere") {
            try daemons.allSatisfy { try $0.status().height >= 5 }
        }
        let versions = try daemons.map { try $0.ask(VersionRequest(height: 5)) }
        for version in versions {
            #expect(version.summary.version == versions[0].summary.version)
            #expect(version.summary.signers.count >= 3)
        }
        for daemon in daemons {
            #expect(try daemon.terminate() == 0)
        }
        #expect(daemons[0].log.contains("contributed"))
    }
}
