import ArgumentParser
import Crypto
import SiteFiles

/// Where a passphrase comes from: a file, so that it stands in no list of processes and in no history.
struct PassphraseOption: ParsableArguments {
    @Option(help: ArgumentHelp("A file with the passphrase on its first line.", valueName: "file"))
    var passphraseFile: String?

    init() {}

    /// - Parameter file: nil for keys without a passphrase.
    init(file: String?) { passphraseFile = file }

    /// The passphrase, nil where no file was named.
    func secret() throws -> SecretBytes? {
        guard let passphraseFile else { return nil }
        return try PassphraseFile.read(passphraseFile)
    }
}
