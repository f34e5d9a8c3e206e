import Crypto
import Ledger
import Rounds
import System
import Tensor

/// `state/residual/`: what contributions left unsent (error feedback). One parameter file is the present one, named in
/// the database in the same transaction as the slot that it follows from; its name is its Merkle root.
struct Residuals: Sendable {
    let state: StateDirectory
    let layout: ParameterLayout

    /// Where the next residual is written before its root is known.
    func temporary(_ name: String) -> String { state.residual(name + ".next") }

    /// The residual of that name, zeros for none.
    func open(_ name: String?) throws(FileError) -> any ParameterSource {
        guard let name else { return ZeroParameters(parameterCount: layout.parameterCount) }
        let file = try ParameterFile(
            path: state.residual(name), parameterCount: layout.parameterCount, expectedRoot: Digest(hex: name))
        try file.verify()
        return file
    }

    /// Gives a written and synced residual its name.
    func name(_ temporary: String) throws(FileError) -> String {
        let root = try ParameterFile(path: temporary, parameterCount: layout.parameterCount, expectedRoot: nil).root
        try File.rename(temporary, to: state.residual(root.description))
        return root.description
    }

    /// Removes all but the present one.
    func retain(_ name: String?) throws(FileError) {
        for other in try Folder.names(in: state.residuals) where other != name {
            File.remove(state.residual(other))
        }
    }
}
