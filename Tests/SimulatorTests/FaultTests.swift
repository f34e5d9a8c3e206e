import Crypto
import Gossip
import Ledger
import Link
import Testing

@testable import Simulator

/// What a cluster does to its members really happens, and only what happened is counted.
struct FaultTests {
    /// A quiet cluster of four, up to where everybody runs and is linked with everybody.
    private func linkedCluster(_ change: (inout FaultProfile) -> Void = { _ in }) -> Cluster {
        var options = ClusterOptions(nodes: 4, seed: 1)
        var faults = FaultProfile(members: 4)
        change(&faults)
        options.faults = faults
        let cluster = Cluster(options)
        #expect(
            cluster.run(until: SimulatedTime(milliseconds: 10_000)) {
                cluster.sites.allSatisfy { $0.process.map { $0.links.count >= 3 } ?? false }
            })
        return cluster
    }

    @Test(arguments: CrashPoint.Phase.allCases, [true, false])
    func aCrashPointIsMetWhenItsMembersAreDown(phase: CrashPoint.Phase, takesAll: Bool) {
        let cluster = linkedCluster()
        cluster.crashPoints = [
            CrashPoint(member: 1, batch: cluster.sites[1].batchesAsked + 2, phase: phase, takesAll: takesAll)
        ]
        #expect(cluster.run(until: SimulatedTime(milliseconds: 10_000)) { cluster.crashPoints.isEmpty })
        #expect(cluster.sites.map { $0.process == nil } == [takesAll, true, takesAll, takesAll])
    }

    @Test func aPartitionThatCutsNothingIsNotCounted() {
        let cluster = linkedCluster()
        for index in cluster.isBlocked.indices { cluster.isBlocked[index] = true }
        for _ in 0..<40 { cluster.randomPartition() }
        #expect(cluster.counts == FaultCounts())
        for index in cluster.isBlocked.indices { cluster.isBlocked[index] = false }
        cluster.randomPartition()
        // All on one side is no partition either.
        #expect((cluster.counts != FaultCounts()) == cluster.isBlocked.contains(true))
    }

    @Test func aClogThatHoldsNothingUpIsNotCounted() {
        let cluster = linkedCluster()
        for _ in 0..<40 {
            let before = (counts: cluster.counts, times: cluster.cloggedUntil)
            cluster.randomClog()
            #expect((cluster.counts == before.counts) == (cluster.cloggedUntil == before.times))
        }
        #expect(cluster.counts[.clogs] > 0)
    }

    @Test func aTwinCountsWhereBothOfItHaveLinks() {
        var options = ClusterOptions(nodes: 4, seed: 1)
        var faults = FaultProfile(members: 4)
        faults.byzantine[2] = [.twins]
        faults.linkBreakInterval = 200
        options.faults = faults
        let cluster = Cluster(options)
        func isDouble() -> Bool { cluster.sites(of: 2).allSatisfy { $0.process?.links.isEmpty == false } }
        while !isDouble(), cluster.now < SimulatedTime(milliseconds: 10_000) {
            #expect(cluster.counts[.twins] == 0)
            #expect(cluster.advance())
        }
        #expect(cluster.counts[.twins] == 1)
    }

    /// What was on a disk that is lost grounds nothing any more; what was signed on it stays signed.
    @Test func whatWasOnALostDiskIsForgotten() {
        let cluster = linkedCluster()
        let site = cluster.sites[1]
        #expect(
            cluster.run(until: SimulatedTime(milliseconds: 10_000)) {
                !cluster.checkers.grounds[1].certificates.isEmpty
            })
        let backup = site.disk
        let before = cluster.checkers.grounds[1]
        #expect(cluster.run(until: SimulatedTime(milliseconds: 20_000)) { site.disk.height.value >= 2 })
        let signed = cluster.checkers.highestSigned(by: 1)
        cluster.replaceDisk(of: site, by: backup, isDeclared: false)
        let after = cluster.checkers.grounds[1]
        #expect(after.certificates == before.certificates)
        #expect(after.claims == before.claims)
        #expect(after.finalized == before.finalized)
        cluster.replaceDisk(of: site, by: SimulatedDisk(), isDeclared: true)
        #expect(cluster.checkers.grounds[1].certificates.isEmpty && cluster.checkers.grounds[1].claims.isEmpty)
        #expect(cluster.checkers.highestSigned(by: 1) == signed)
        #expect(cluster.checkers.violations.isEmpty)
    }
}
