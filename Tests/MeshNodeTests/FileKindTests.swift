import Foundation
import Testing

@testable import MeshNode

/// What stands where a file or a folder must be: each kind is refused by name, and none holds the daemon up.
struct FileKindTests {
    @Test(
        "A state directory that cannot be made is an error that names the folder",
        arguments: [
            ("/proc/mesh/state", "/proc/mesh"), ("/sys/mesh/state/deeper", "/sys/mesh"), ("", ""),
            ("/dev/null/state", "/dev/null"),
        ])
    func refusesImpossibleFolder(path: String, named: String) throws {
        let error = #expect(throws: StoreError.self) { try DiskFile.makeDirectory(path) }
        guard case .system(let file, "create directory", let code) = error else {
            Issue.record("unexpected: \(String(describing: error))")
            return
        }
        #expect(file == named)
        #expect(code != 0)
    }

    @Test("Folders above the state directory are made, with or without a slash at the end")
    func makesFolders() throws {
        let folder = try TestFolder()
        try DiskFile.makeDirectory(folder.path + "/a/b/c/")
        try DiskFile.makeDirectory(folder.path + "/a//b/c")
        #expect(DiskFile.isDirectory(folder.path + "/a/b/c"))
    }

    @Test("A named pipe, a device and a directory are no files", arguments: [DiskFile.Access.read, .write, .create])
    func refusesOtherKinds(access: DiskFile.Access) throws {
        let folder = try TestFolder()
        let pipe = folder.path + "/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        for path in [pipe, "/dev/null", "/dev/zero"] {
            #expect(throws: StoreError.notARegularFile(file: path)) { try DiskFile.open(path, access) }
        }
        #expect(throws: StoreError.self) { try DiskFile.open(folder.path, access) }
        #expect(throws: StoreError.self) { try DiskFile.open(folder.path + "/a\0b", access) }
    }

    @Test("A directory where a small file must be is refused as one")
    func refusesDirectory() throws {
        let folder = try TestFolder()
        #expect(throws: StoreError.notARegularFile(file: folder.path)) {
            try DiskFile.contents(of: folder.path, limitBytes: 100)
        }
    }

    @Test("A named pipe in the ledger's place is refused")
    func refusesPipeAsLedger() throws {
        let sites = try TestSites(["a", "b", "c", "d"])
        defer { sites.end() }
        let state = try StateDirectory(path: sites.state(0))
        #expect(mkfifo(state.database, 0o600) == 0)
        #expect(throws: StoreError.notARegularFile(file: state.database)) {
            try LedgerDatabase(path: state.database, markPath: state.mark, network: sites.genesis.network)
        }
    }

    @Test("A file size limit is a full disk: something to wait for", arguments: [ENOSPC, EDQUOT, EFBIG, EMFILE])
    func waitsForSpace(code: Int32) {
        #expect(StoreError.system(file: "f", operation: "write", code: code).isDiskUnavailable)
    }
}
