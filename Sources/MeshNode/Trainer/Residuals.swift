import Crypto
import Ledger
import Rounds
import Tensor

/// `state/residual/`: what contributions left unsent (error feedback). One parameter file is the present one, named in
/// the database in the same transaction as the slot that it follows from; its name is its Merkle root.
struct Residuals: Sendable {
    let state: StateDirectory
    let layout: ParameterLayout

    /// Where the next residual is written before its root is known.
    func temporary(_ name: String) -> String { state.residual(name + ".next") }

    /// The residual of that name, zeros for none.
    func open(_ name: String?) throws(StoreError) -> any ParameterSource {
        guard let name else { return ZeroParameters(parameterCount: layout.parameterCount) }
        do throws(ParameterFileError) {
            let file = try ParameterFile(
                path: state.residual(name), parameterCount: layout.parameterCount, expectedRoot: Digest(hex: name))
            try file.verify()
            return file
        } catch { throw StoreError(error) }
    }

    /// Gives a written and synced residual its name.
    func name(_ temporary: String) throws(StoreError) -> String {
        let root: Digest
        do throws(ParameterFileError) {
            root = try ParameterFile(
                path: temporary, parameterCount: layout.parameterCount, expectedRoot: nil
            ).root
        } catch { throw StoreError(error) }
        try DiskFile.rename(temporary, to: state.residual(root.description))
        return root.description
    }

    /// Removes all but the present one.
    func retain(_ name: String?) throws(StoreError) {
        for other in try DiskFile.names(in: state.residuals) where other != name {
            DiskFile.remove(state.residual(other))
        }
    }
}
