import Foundation
import TestKit

/// A mesh whose daemons and trainers run. Whoever starts one ends it.
final class RunningMesh {
    let mesh: Mesh
    private(set) var daemons: [DaemonProcess]
    private(set) var trainers: [Int: ScriptedTrainer] = [:]

    init(_ mesh: Mesh) throws {
        self.mesh = mesh
        daemons = try mesh.sites.map { try DaemonProcess($0) }
    }

    /// Lets scripted trainers attach at these sites, at all where none is named.
    func train(_ indices: [Int]? = nil) {
        for index in indices ?? Array(daemons.indices) {
            trainers[index] = ScriptedTrainer(socket: mesh.sites[index].trainerSocket, seed: UInt64(index) << 32)
        }
    }

    /// Starts the daemon of a site that is no founder, and perhaps its trainer.
    func start(_ site: Mesh.Site) throws -> Int {
        daemons.append(try DaemonProcess(site))
        return daemons.count - 1
    }

    func train(newcomer index: Int) {
        trainers[index] = ScriptedTrainer(socket: daemons[index].site.trainerSocket, seed: UInt64(index) << 32)
    }

    func stopTraining(_ index: Int) { trainers.removeValue(forKey: index)?.stop() }

    func restart(_ index: Int) throws { daemons[index] = try DaemonProcess(mesh.sites[index]) }

    func heights(_ indices: [Int]? = nil) throws -> [Int64] {
        try (indices ?? Array(daemons.indices)).map { try daemons[$0].status().height }
    }

    /// Waits until each of these sites, all where none is named, stands at `height` or above.
    func wait(forHeight height: Int64, at indices: [Int]? = nil, seconds: Double = 120) throws {
        try Condition.wait(for: "version \(height)", seconds: seconds) {
            try heights(indices).allSatisfy { $0 >= height }
        }
    }

    /// Ends all processes and removes all files.
    func end() {
        for trainer in trainers.values { trainer.stop() }
        for daemon in daemons where daemon.isRunning { daemon.killNow() }
        mesh.remove()
    }
}
