import Ledger
import System

extension GenesisFile {
    /// Reads a genesis file: deterministic CBOR, complete or not.
    static func read(_ path: String) throws -> GenesisFile {
        let bytes = try File.contents(of: path, limitBytes: Limits.genesisFileBytes)
        do throws(RecordError) {
            return try GenesisFile(encoded: bytes)
        } catch {
            throw Failure("\(path) is not a genesis file: \(error)")
        }
    }

    /// Reads a genesis file that every founder has signed.
    static func readComplete(_ path: String) throws -> GenesisFile {
        let file = try read(path)
        guard file.isComplete else {
            let missing = file.missingFounders.map(\.name)
            throw Failure(
                "\(path) is not signed by every founder: \(Words.list(missing)) \(missing.count == 1 ? "is" : "are") missing",
                advice:
                    "Collect their signatures and put them in with: meshctl genesis assemble --genesis \(path) --signatures FILE..."
            )
        }
        return file
    }

    var missingFounders: [Member] {
        let signed = Set(signers.map(\.id))
        return genesis.members.members.filter { !signed.contains($0.id) }.sorted { $0.name < $1.name }
    }
}
