import Gossip
import Ledger

extension Checkers {
    /// A member that lost its journal knows up to where it signs nothing. Nothing that it ever signed lies beyond.
    func abstains(_ member: Int, until: Height) {
        let highest = highestSigned(by: member)
        if highest > until.value {
            report(.abstention, "member \(member) abstains to \(until), and signed at \(highest) before its loss")
        }
    }

    /// The highest height at which a member signed anything: of contributions and availability votes the one after
    /// their base's.
    func highestSigned(by member: Int) -> UInt64 {
        return signed.keys.filter { $0.signer == people[member] }.map { signed in
            switch signed.place {
            case .contribution(let slot), .availabilityVote(let slot): (heights[slot.base] ?? 0) + 1
            case .closed(let height), .ready(let height), .proposal(let height, _), .notarize(let height, _),
                .finalize(let height, _),
                .nullify(let height, _):
                height.value
            }
        }.max() ?? 0
    }
}
