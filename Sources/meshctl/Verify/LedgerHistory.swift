import Ledger
import Rounds
import Tensor

/// What an auditor keeps of the versions behind it, for the replays that later versions take over: as little as
/// `ReplayNeeds` says. Payloads stay in the ledger's file.
struct LedgerHistory: ReplayHistory {
    private var kept: [Height: ParameterFile] = [:]
    private var entries: [Height: LedgerFileEntry] = [:]

    func parameters(at height: Height) -> ParameterFile? { kept[height] }

    func version(at height: Height) -> (certified: CertifiedVersion, payloads: any PayloadSource)? {
        entries[height].map { ($0.certified, $0) }
    }

    /// Takes up the version at `height`, which is the head now, and gives up what nothing needs any more.
    ///
    /// - Returns: heights whose parameters are given up.
    @discardableResult
    mutating func keep(
        _ entry: LedgerFileEntry?, _ parameters: ParameterFile, at height: Height, by needs: ReplayNeeds
    ) -> [Height] {
        if needs.keepsParameters(at: height, head: height) { kept[height] = parameters }
        if needs.keepsVersion(at: height, head: height) { entries[height] = entry }
        entries = entries.filter { needs.keepsVersion(at: $0.key, head: height) }
        let dropped = kept.keys.filter { !needs.keepsParameters(at: $0, head: height) }
        for height in dropped { kept[height] = nil }
        return dropped
    }
}
