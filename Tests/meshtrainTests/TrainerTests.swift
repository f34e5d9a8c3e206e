import Control
import Foundation
import Model
import System
import Tensor
import Testing

@testable import meshtrain

struct TrainerExitTests {
    @Test("Each refusal of the daemon is waited for, or ends the trainer with a number that a restart does not cure")
    func classifiesRefusals() throws {
        let waits: Set<ControlReason> = [
            .notAttached, .alreadyAttached, .unknownTransfer, .transferIncomplete, .notFound, .diskUnavailable,
            .recovering, .busy, .stopping, .wrongBase, .duplicate, .internalError, .notAMember,
        ]
        for reason in ControlReason.allCases {
            #expect((TrainerExit(reason) == nil) == waits.contains(reason), "\(reason.rawValue)")
        }
        #expect(TrainerExit(.excludedDataSet) == .notPermitted)
        #expect(TrainerExit(.nonFinite) == .diverged)
        #expect(TrainerExit(.protocolVersion) == .refusedProtocol)
        #expect(TrainerExit(ModelError.notFinite(what: "x")) == .diverged)
        #expect(TrainerExit(ModelError.checkpointMagic) == .unusableData)
        #expect(TrainerExit(FileError.notARegularFile(file: "x")) == nil)
    }

    @Test("The unit does not restart the trainer after any of these numbers, and the help names them")
    func agreesWithUnit() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let unit = try String(contentsOf: root.appending(path: "Deploy/site/meshtrain.service"), encoding: .utf8)
        let numbers = TrainerExit.allCases.map { String($0.rawValue) }
        #expect(unit.contains("\nRestartPreventExitStatus=\(numbers.joined(separator: " "))\n"))
        for number in numbers { #expect(MeshTrain.configuration.discussion.contains("\(number) ")) }
    }
}

struct DiskSpaceTests {
    @Test("A write is tried again until the disk has room, and is told of once")
    func waits() throws {
        var failures = 2
        var told = 0
        func write() throws(FileError) {
            guard failures == 0 else {
                failures -= 1
                throw .system(file: "f", operation: "write", code: failures == 1 ? ENOSPC : EFBIG)
            }
        }
        try DiskSpace.waiting(pauseMilliseconds: 1, full: { told += 1 }, write)
        #expect(told == 1 && failures == 0)
    }

    @Test("Another failure than a full disk is no reason to wait") func fails() {
        #expect(throws: FileError.system(file: "f", operation: "write", code: EIO)) {
            try DiskSpace.waiting(pauseMilliseconds: 1) { () throws(FileError) in
                throw .system(file: "f", operation: "write", code: EIO)
            }
        }
    }
}
