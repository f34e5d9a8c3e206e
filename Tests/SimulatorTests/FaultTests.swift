import Crypto
import Gossip
import Ledger
import Testing

@testable import Simulator

/// What a world does to its members really happens, and only what happened is counted.
struct FaultTests {
    /// A quiet world of four, up to where everybody runs and is linked with everybody.
    private func linkedWorld(_ change: (inout FaultProfile) -> Void = { _ in }) -> World {
        var options = WorldOptions(nodes: 4, seed: 1)
        var faults = FaultProfile(members: 4)
        change(&faults)
        options.faults = faults
        let world = World(options)
        #expect(
            world.run(until: SimulatedTime(milliseconds: 10_000)) {
                world.sites.allSatisfy { $0.process.map { $0.links.count >= 3 } ?? false }
            })
        return world
    }

    @Test(arguments: CrashPoint.Phase.allCases, [true, false])
    func aCrashPointIsMetWhenItsMembersAreDown(phase: CrashPoint.Phase, takesAll: Bool) {
        let world = linkedWorld()
        world.crashPoints = [
            CrashPoint(member: 1, batch: world.sites[1].batchesAsked + 2, phase: phase, takesAll: takesAll)
        ]
        #expect(world.run(until: SimulatedTime(milliseconds: 10_000)) { world.crashPoints.isEmpty })
        #expect(world.sites.map { $0.process == nil } == [takesAll, true, takesAll, takesAll])
    }

    @Test func aPartitionThatCutsNothingIsNotCounted() {
        let world = linkedWorld()
        for index in world.isBlocked.indices { world.isBlocked[index] = true }
        for _ in 0..<40 { world.randomPartition() }
        #expect(world.counts == FaultCounts())
        for index in world.isBlocked.indices { world.isBlocked[index] = false }
        world.randomPartition()
        // All on one side is no partition either.
        #expect((world.counts != FaultCounts()) == world.isBlocked.contains(true))
    }

    @Test func aClogThatHoldsNothingUpIsNotCounted() {
        let world = linkedWorld()
        for _ in 0..<40 {
            let before = (counts: world.counts, times: world.cloggedUntil)
            world.randomClog()
            #expect((world.counts == before.counts) == (world.cloggedUntil == before.times))
        }
        #expect(world.counts[.clogs] > 0)
    }

    @Test func aTwinCountsWhereBothOfItHaveLinks() {
        var options = WorldOptions(nodes: 4, seed: 1)
        var faults = FaultProfile(members: 4)
        faults.byzantine[2] = [.twins]
        faults.linkBreakInterval = 200
        options.faults = faults
        let world = World(options)
        func isDouble() -> Bool { world.sites(of: 2).allSatisfy { $0.process?.links.isEmpty == false } }
        while !isDouble(), world.now < SimulatedTime(milliseconds: 10_000) {
            #expect(world.counts[.twins] == 0)
            #expect(world.advance())
        }
        #expect(world.counts[.twins] == 1)
    }

    /// What was on a disk that is lost grounds nothing any more; what was signed on it stays signed.
    @Test func whatWasOnALostDiskIsForgotten() {
        let world = linkedWorld()
        let site = world.sites[1]
        #expect(
            world.run(until: SimulatedTime(milliseconds: 10_000)) { !world.oracles.grounds[1].certificates.isEmpty })
        let backup = site.disk
        let before = world.oracles.grounds[1]
        #expect(world.run(until: SimulatedTime(milliseconds: 20_000)) { site.disk.height.value >= 2 })
        let signed = world.oracles.highestSigned(by: 1)
        world.replaceDisk(of: site, by: backup, isDeclared: false)
        let after = world.oracles.grounds[1]
        #expect(after.certificates == before.certificates)
        #expect(after.claims == before.claims)
        #expect(after.finalized == before.finalized)
        world.replaceDisk(of: site, by: SimulatedDisk(), isDeclared: true)
        #expect(world.oracles.grounds[1].certificates.isEmpty && world.oracles.grounds[1].claims.isEmpty)
        #expect(world.oracles.highestSigned(by: 1) == signed)
        #expect(world.oracles.violations.isEmpty)
    }
}
