import Foundation
import System
import TestKit
import Testing

/// What stands where a file or a folder must be: each kind is refused by name, and none holds a program up.
@Suite struct FileKindTests {
    @Test(
        "A folder that cannot be made is an error that names it",
        arguments: [
            ("/proc/mesh/state", "/proc/mesh"), ("/sys/mesh/state/deeper", "/sys/mesh"), ("", ""),
            ("/dev/null/state", "/dev/null"),
        ])
    func refusesImpossibleFolder(path: String, named: String) throws {
        let error = #expect(throws: FileError.self) { try Folder.make(path, mode: 0o700) }
        guard case .system(let file, "create directory", let code) = error else {
            Issue.record("unexpected: \(String(describing: error))")
            return
        }
        #expect(file == named)
        #expect(code != 0)
    }

    @Test("Folders above are made, with or without a slash at the end, and get a mode of their own")
    func makesFolders() throws {
        let folder = TemporaryFolder()
        defer { folder.remove() }
        // The owner's bits: no umask of a test's user takes these away.
        try Folder.make(folder.file("a/b/c/"), mode: 0o500, modeAbove: 0o700)
        try Folder.make(folder.file("a//b/c"), mode: 0o700)
        #expect(try mode(folder.file("a/b/c")) == 0o500)
        for above in ["a", "a/b"] { #expect(try mode(folder.file(above)) == 0o700) }
    }

    private func mode(_ path: String) throws -> mode_t {
        var status = stat()
        try #require(stat(path, &status) == 0)
        return status.st_mode & 0o777
    }

    @Test("A named pipe, a device and a directory are no files")
    func refusesOtherKinds() throws {
        let folder = TemporaryFolder()
        defer { folder.remove() }
        let pipe = folder.file("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        for access in [File.Access.read, .write, .create(), .createEmpty()] {
            for path in [pipe, "/dev/null", "/dev/zero", folder.path] {
                #expect(throws: FileError.notARegularFile(file: path)) { try File.open(path, access) }
            }
            #expect(throws: FileError.self) { try File.open(folder.file("a\0b"), access) }
            #expect(throws: FileError.self) { try File.open("", access) }
        }
        #expect(throws: FileError.notARegularFile(file: folder.path)) {
            try File.contents(of: folder.path, limitBytes: 100)
        }
        #expect(folder.names == ["pipe"])
    }

    @Test("A symbolic link is followed only on demand")
    func refusesLink() throws {
        let folder = TemporaryFolder()
        defer { folder.remove() }
        let file = folder.write([1], to: "file")
        #expect(symlink(file, folder.file("link")) == 0)
        #expect(try File.contents(of: folder.file("link"), limitBytes: 1) == [1])
        #expect(throws: FileError.self) { try File.open(folder.file("link"), .read, followsLink: false) }
    }

    @Test("A file size limit is a full disk: something to wait for", arguments: [ENOSPC, EDQUOT, EFBIG, EMFILE])
    func waitsForSpace(code: Int32) {
        #expect(FileError.system(file: "f", operation: "write", code: code).isDiskUnavailable)
    }
}

@Suite struct FileTests {
    let folder = TemporaryFolder()

    @Test("A read beyond the end is an error with both sizes; a longer file than the limit is not read")
    func checksSizes() throws {
        let path = folder.write([1, 2, 3])
        let file = try File.open(path, .read)
        #expect(try file.read(at: 1, count: 2) == [2, 3])
        #expect(try file.read(at: 3, count: 0) == [])
        #expect(throws: FileError.wrongSize(file: path, expectedBytes: 4, foundBytes: 3)) {
            try file.read(at: 1, count: 3)
        }
        #expect(throws: FileError.tooLong(file: path, bytes: 3, limitBytes: 2)) {
            try File.contents(of: path, limitBytes: 2)
        }
    }

    @Test("A new file has its name only once it is whole", arguments: [NewFile.TemporaryName.fixed, .unique])
    func namesWholeFiles(temporaryName: NewFile.TemporaryName) throws {
        let path = folder.write([1], to: "file")
        do {
            let abandoned = try NewFile(path, temporaryName: temporaryName)
            try abandoned.file.write([2, 3], at: 0)
            withExtendedLifetime(abandoned) { #expect(folder.names.count == 2) }
        }
        #expect(folder.names == ["file"])
        #expect(folder.bytes("file") == [1])
        let output = try NewFile(path, temporaryName: temporaryName)
        try output.file.write([2, 3], at: 0)
        try output.finish()
        #expect(folder.names == ["file"])
        #expect(folder.bytes("file") == [2, 3])
    }

    @Test("What has a name already is replaced only on demand, and a failed write leaves nothing")
    func replacesOnDemand() throws {
        let path = folder.write([1], to: "file")
        #expect(throws: FileError.alreadyExists(file: path)) { try File.write([2], to: path, isReplacing: false) }
        #expect(folder.names == ["file"])
        #expect(folder.bytes("file") == [1])
        try File.write([2], to: path)
        try File.write([3], to: folder.file("other"), isReplacing: false)
        #expect(folder.bytes("file") == [2])
        #expect(folder.names == ["file", "other"])
    }

    @Test("Two writers of one name under unique temporary names do not meet")
    func keepsWritersApart() throws {
        let path = folder.file("file")
        let first = try NewFile(path, temporaryName: .unique)
        let second = try NewFile(path, temporaryName: .unique)
        try first.file.write([1, 1], at: 0)
        try second.file.write([2], at: 0)
        try first.finish()
        #expect(folder.bytes("file") == [1, 1])
        try second.finish()
        #expect(folder.bytes("file") == [2])
        #expect(folder.names == ["file"])
    }

    @Test("What a crash left under the fixed temporary name is overwritten")
    func overwritesLeftovers() throws {
        folder.write([9, 9, 9], to: "file.partial")
        try File.write([1], to: folder.file("file"), temporaryName: .fixed)
        #expect(folder.names == ["file"])
        #expect(folder.bytes("file") == [1])
    }

    @Test("A file is appended to, and made if it is missing")
    func appends() throws {
        try File.append([1], to: folder.file("log"))
        try File.append([2, 3], to: folder.file("log"))
        #expect(folder.bytes("log") == [1, 2, 3])
    }

    @Test("A lock keeps others out until it is given up")
    func locks() throws {
        let path = folder.write([], to: "lock")
        let (first, second) = (try File.open(path, .write), try File.open(path, .write))
        #expect(try first.tryLock())
        #expect(try !second.tryLock())
        first.unlock()
        #expect(try second.tryLock())
    }

    @Test("An erased file is gone; a second name keeps zeros only")
    func erases() throws {
        let path = folder.write([1, 2, 3], to: "key")
        try File.link(path, as: folder.file("second"))
        #expect(File.isSame(path, folder.file("second")))
        try File.erase(path)
        #expect(!File.exists(path))
        #expect(folder.bytes("second") == [0, 0, 0])
    }
}
