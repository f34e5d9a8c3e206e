import Glibc
import Testing

/// A directory of a test's own, to be removed with all that is in it.
struct TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/mesh-crypto-XXXXXX".utf8CString)
        path = String(cString: try #require(mkdtemp(&template)))
    }

    func remove() {
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    /// What lies in the directory.
    var names: [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func write(_ bytes: [UInt8], to name: String, mode: mode_t = 0o600) throws -> String {
        let file = "\(path)/\(name)"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(descriptor >= 0)
        #expect(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        #expect(fchmod(descriptor, mode) == 0)
        close(descriptor)
        return file
    }
}

/// A file's bytes.
func fileBytes(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &bytes, bytes.count)
    return Array(bytes.prefix(try #require(count >= 0 ? count : nil)))
}
