import Crypto
import Ledger

/// A revert as the checkers saw it decided.
struct ObservedRevert {
    let exclusion: Exclusion
    let from: Height
    let decided: Height
    /// The version in which the state without it took over.
    var switched: Height?

    /// By what the records say, and nothing of the chain's own judgement.
    func takesOut(_ contribution: Contribution, at height: Height) -> Bool {
        guard height >= from else { return false }
        switch exclusion {
        case .contribution(let digest): return contribution.contributionDigest == digest
        case .dataSet(let digest, let bindsFuture):
            return contribution.dataSets.contains(digest) && (bindsFuture || contribution.baseHeight < decided)
        }
    }
}

/// What the roots of a version must be, from version 0 on and from adopted versions alone.
extension Checkers {
    /// Notes the first adoption of a height, after its roots were checked.
    func noteReverts(of certified: CertifiedVersion) {
        history[certified.height.value] = certified
        if isSwitch(certified) {
            for index in reverts.indices where reverts[index].switched == nil {
                reverts[index].switched = certified.height
            }
        }
        guard case .revert(let exclusion, let from)? = certified.embedded.action?.action.change else { return }
        reverts.append(ObservedRevert(exclusion: exclusion, from: from, decided: certified.height))
    }

    /// The highest version below `height` in which a replayed state took over; 0 where there is none.
    func lastSwitch(below height: UInt64) -> UInt64 {
        reverts.compactMap { $0.switched?.value }.filter { $0 < height }.max() ?? 0
    }

    /// The state that takes over by these ready records: the one that all of them name, while a revert is pending.
    func rootsToSwitch(_ ready: [Ready]) -> StateRoots? {
        guard reverts.contains(where: { $0.switched == nil }), let roots = ready.first?.replayed,
            ready.allSatisfy({ $0.replayed == roots })
        else { return nil }
        return roots
    }

    /// A version that names an action and carries none is one in which a replayed state takes over.
    func isSwitch(_ certified: CertifiedVersion) -> Bool {
        certified.version.action != nil && certified.embedded.action == nil
    }

    func expectedRoots(of certified: CertifiedVersion, parent: StateRoots) -> StateRoots {
        guard isSwitch(certified) else { return roots(parent, certified.version.manifest) }
        var state = genesisVersion.roots
        for height in history.keys.sorted() where height < certified.height.value {
            guard let earlier = history[height] else { continue }
            let left = zip(earlier.version.manifest, earlier.contributions.map(\.body)).filter { _, contribution in
                !reverts.contains { $0.takesOut(contribution, at: earlier.height) }
            }
            state = roots(state, left.map(\.0))
        }
        return state
    }
}
