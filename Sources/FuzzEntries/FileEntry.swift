import Crypto
import Glibc
import Ledger
import Rounds
import Tensor

/// Files that come from somebody else, or from a disk that went bad.
enum FileEntry {
    static func payload(_ bytes: [UInt8]) {
        guard let layout = try? ParameterLayout([(name: "a", shape: [3, 100]), (name: "b", shape: [5000])]) else {
            preconditionFailure("the layout is sound")
        }
        for profile in FuzzEntry.profiles {
            guard
                let contribution = try? Tensor.Contribution(
                    payload: MemoryPayload(bytes), layout: layout, profile: profile),
                (try? contribution.measure()) != nil, case .topK(let kept, let bits) = profile
            else { continue }
            let lists = try? EntryLists(contribution)
            precondition(
                lists?.payload(layout, kept: kept, bits: bits) == bytes, "a payload has a second form")
        }
    }

    static func ledger(_ bytes: [UInt8]) {
        guard var reader = try? LedgerFileReader(MemoryPayload(bytes)) else { return }
        while let entry = try? reader.next() {
            try? entry.verifyPayloads()
        }
    }

    static func safetensors(_ bytes: [UInt8]) {
        namelessFile(bytes) { path in
            guard let file = try? SafetensorsFile(path: path), let layout = try? file.layout(),
                let parameters = try? file.parameters(layout)
            else { return }
            var values = [Float](repeating: 0, count: min(layout.parameterCount, 4096))
            _ = values.withUnsafeMutableBufferPointer { try? parameters.read(at: 0, into: $0) }
        }
    }

    static func key(_ bytes: [UInt8]) {
        for kind in KeyKind.allCases {
            guard let file = try? KeyFile(contents: SecretBytes(bytes), kind: kind, path: "key"), !file.isProtected
            else { continue }
            if kind == .linkKey { _ = try? file.linkKey() } else { _ = try? file.signingKey() }
        }
    }

    /// A file that no folder names any more, under the name by which this process can open it: a crash leaves none.
    private static func namelessFile(_ bytes: [UInt8], _ body: (String) -> Void) {
        var template = Array("/tmp/fuzz-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        precondition(descriptor >= 0, "no file can be made under /tmp")
        unlink(template)
        defer { close(descriptor) }
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        precondition(written == bytes.count)
        body("/proc/self/fd/\(descriptor)")
    }
}
