import ArgumentParser
import Crypto
import Glibc

/// Where a passphrase comes from: a file, so that it stands in no list of processes and in no history.
struct PassphraseOption: ParsableArguments {
    @Option(help: ArgumentHelp("A file with the passphrase on its first line.", valueName: "file"))
    var passphraseFile: String?

    init() {}

    /// - Parameter file: nil for keys without a passphrase.
    init(file: String?) { passphraseFile = file }

    static let bytesMaximum = 4096

    /// The passphrase, nil where no file was named.
    func secret() throws -> SecretBytes? {
        guard let passphraseFile else { return nil }
        var bytes = try DiskFile.read(passphraseFile, limitBytes: PassphraseOption.bytesMaximum)
        defer { bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { explicit_bzero(base, $0.count) } } }
        let line = bytes.firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") } ?? bytes.count
        guard line > 0 else { throw Failure("\(passphraseFile) has an empty first line") }
        return SecretBytes(Array(bytes[..<line]))
    }
}
