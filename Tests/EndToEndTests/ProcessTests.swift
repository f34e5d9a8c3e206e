import Control
import Foundation
import TestKit
import Testing

/// One daemon as a process: signals, pipes, limits, and files of the wrong kind.
@Suite(.serialized)
struct ProcessTests {
    private func mesh() throws -> Mesh { try Mesh(["a", "b", "c", "d"], parameters: 2000) }

    /// A daemon that a shell starts, after `prefix`.
    private func start(
        _ site: Mesh.Site, prefix: String = "", verbose: Bool = false, errors: ChildProcess.Stream = .discarded
    ) throws -> ChildProcess {
        try ChildProcess(
            "/bin/sh",
            [
                "-c", "\(prefix) exec \"$0\" --config \"$1\" \(verbose ? "--verbose" : "")", DaemonProcess.binary,
                site.configuration,
            ], errors: errors)
    }

    private func answers(_ site: Mesh.Site) -> Bool {
        (try? DaemonClient.connect(to: site.operatorSocket).request(StatusRequest())) != nil
    }

    private func end(_ process: ChildProcess) {
        process.send(SIGKILL)
        _ = try? process.wait()
    }

    @Test("A standard error that nobody reads does not stop the daemon", .timeLimit(.minutes(2)))
    func runsWithFullPipe() throws {
        let mesh = try mesh()
        defer { mesh.remove() }
        let pipe = Pipe()
        let writer = pipe.fileHandleForWriting.fileDescriptor
        let flags = fcntl(writer, F_GETFL)
        _ = fcntl(writer, F_SETFL, flags | O_NONBLOCK)
        let block = [UInt8](repeating: 0x2E, count: 4096)
        while write(writer, block, block.count) > 0 {}
        _ = fcntl(writer, F_SETFL, flags)

        let process = try start(mesh.sites[0], verbose: true, errors: .descriptor(writer))
        defer { end(process) }
        try Condition.wait(for: "an answer") { answers(mesh.sites[0]) }
        process.send(SIGTERM)
        #expect(try process.wait() == .exited(0))
    }

    @Test(
        "Signals that ask for an end are an orderly stop, also two at once",
        arguments: [
            [SIGTERM], [SIGINT], [SIGHUP], [SIGQUIT], [SIGXCPU], [SIGTERM, SIGHUP, SIGINT],
        ])
    func stopsInOrder(signals: [Int32]) throws {
        let mesh = try mesh()
        defer { mesh.remove() }
        let daemon = try DaemonProcess(mesh.sites[0])
        defer { end(daemon.process) }
        try Condition.wait(for: "an answer") { answers(mesh.sites[0]) }
        for signal in signals { daemon.process.send(signal) }
        #expect(try daemon.process.wait() == .exited(0))
        #expect(daemon.log.contains("stopping"), "the last message is written before the end")
    }

    @Test("Signals without a meaning do not end the daemon", arguments: [SIGUSR1, SIGUSR2, SIGXFSZ, SIGPIPE])
    func ignores(signal: Int32) throws {
        let mesh = try mesh()
        defer { mesh.remove() }
        let daemon = try DaemonProcess(mesh.sites[0])
        defer { end(daemon.process) }
        try Condition.wait(for: "an answer") { answers(mesh.sites[0]) }
        daemon.process.send(signal)
        #expect(answers(mesh.sites[0]))
        #expect(daemon.isRunning)
    }

    @Test("Under nohup the daemon outlives its terminal") func outlivesTerminal() throws {
        let mesh = try mesh()
        defer { mesh.remove() }
        let process = try start(mesh.sites[0], prefix: "trap '' HUP;")
        defer { end(process) }
        try Condition.wait(for: "an answer") { answers(mesh.sites[0]) }
        process.send(SIGHUP)
        #expect(answers(mesh.sites[0]))
    }

    @Test(
        "A file size limit is a disk failure that is shown, not the end of the daemon",
        .disabled(if: Sanitizer.isThreadSanitizer, "the thread sanitizer does not start under a limit of file sizes"))
    func survivesFileSizeLimit() throws {
        let mesh = try mesh()
        defer { mesh.remove() }
        let first = try DaemonProcess(mesh.sites[0])
        try Condition.wait(for: "an answer") { answers(mesh.sites[0]) }
        _ = try first.terminate()
        let log = mesh.sites[0].folder + "/limited"
        let process = try start(mesh.sites[0], prefix: "ulimit -f 0;", errors: .file(log))
        defer { end(process) }
        // What a trainer hands over cannot be kept.
        let trainer = ScriptedTrainer(socket: mesh.sites[0].trainerSocket, seed: 1)
        defer { trainer.stop() }
        try Condition.wait(for: "a disk alarm, or an error that says why there is no start") {
            if !process.isRunning { return true }
            let status = try DaemonClient.connect(to: mesh.sites[0].operatorSocket).request(StatusRequest())
            return status.disk != .writable
        }
        if case .signalled(let signal) = process.end { Issue.record("signal \(signal) must not end it") }
    }

    @Test(
        "A file of the wrong kind ends the start with a sentence that names it",
        arguments: [
            "pipe", "directory", "empty", "device",
        ])
    func refusesGenesis(kind: String) throws {
        let mesh = try mesh()
        defer { mesh.remove() }
        let genesis = mesh.folder + "/genesis"
        try FileManager.default.removeItem(atPath: genesis)
        switch kind {
        case "pipe": #expect(mkfifo(genesis, 0o600) == 0)
        case "directory": try FileManager.default.createDirectory(atPath: genesis, withIntermediateDirectories: false)
        case "device": #expect(symlink("/dev/zero", genesis) == 0)
        default: #expect(FileManager.default.createFile(atPath: genesis, contents: nil))
        }
        let daemon = try DaemonProcess(mesh.sites[0])
        defer { end(daemon.process) }
        #expect(try daemon.process.wait() == .exited(1))
        #expect(daemon.log.contains("genesis"))
        #expect(daemon.log.contains(kind == "empty" ? "not a genesis file" : "not a regular file"))
    }

    @Test("A state directory below a path that cannot be created ends the start with a sentence")
    func refusesState() throws {
        let mesh = try mesh()
        defer { mesh.remove() }
        let site = mesh.sites[0]
        let text = try String(contentsOfFile: site.configuration, encoding: .utf8)
        try text.replacingOccurrences(of: "state = \"state\"", with: "state = \"/proc/mesh/state\"")
            .write(toFile: site.configuration, atomically: true, encoding: .utf8)
        let daemon = try DaemonProcess(site)
        defer { end(daemon.process) }
        #expect(try daemon.process.wait() == .exited(1))
        #expect(daemon.log.contains("/proc/mesh: cannot be created: No such file or directory"))
    }
}
