import Glibc
import System

/// A folder of a test's own, removed with all that is in it by `remove` or with its last reference.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() {
        var template = Array("/tmp/mesh-test-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "no folder can be made in /tmp")
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit { remove() }

    public func remove() { TemporaryFolder.remove(path) }

    private static func remove(_ folder: String) {
        for name in (try? Folder.names(in: folder)) ?? [] {
            let path = folder + "/" + name
            var status = stat()
            if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { remove(path) } else { unlink(path) }
        }
        rmdir(folder)
    }

    /// What lies in the folder, ascending.
    public var names: [String] { (try? Folder.names(in: path)) ?? [] }

    public func file(_ name: String) -> String { path + "/" + name }

    /// The bytes of a file that must be there.
    public func bytes(_ name: String) -> [UInt8] {
        do { return try File.contents(of: file(name), limitBytes: 1 << 30) } catch {
            preconditionFailure("\(error)")
        }
    }

    /// Writes a file and returns its path.
    @discardableResult
    public func write(_ bytes: [UInt8], to name: String = "file", mode: mode_t = 0o600) -> String {
        do {
            let output = try File.open(file(name), .createEmpty())
            try output.write(bytes, at: 0)
            try output.setMode(mode)
        } catch {
            preconditionFailure("\(error)")
        }
        return file(name)
    }
}
