import Crypto
import Gossip
import Ledger

/// What an agreement needs of a view, one case a kind of message.
public enum MutedKind: String, Sendable, CaseIterable {
    case proposal
    case notarization
    case finalization
    case nullification
}

/// Views in which messages of a kind do not reach some members at all: losses of single messages are mended before they
/// matter, and what an attack waits for is a view that some left by another way than the rest, or that all had to give
/// up.
extension FaultProfile {
    mutating func drawMuted(percent: UInt64, _ random: inout SeededRandom) {
        guard random.chance(percent) else { return }
        mutedPercent = random.draw(20...95)
        let kinds = random.permutation(of: MutedKind.allCases.count).prefix(random.chance(70) ? 1 : 2)
        mutedKinds = kinds.sorted().map { MutedKind.allCases[$0] }
    }
}

/// Something of a kind in a view, and who is to miss it.
struct MutedPlace: Hashable {
    let kind: MutedKind
    let height: Height
    let view: View
    let receiver: Int
}

extension Cluster {
    /// Whether a message carries what its receiver is to miss. A version with its certificate always passes.
    func isMuted(_ bytes: [UInt8], to receiver: Int) -> Bool {
        guard !isHealed, !faults.mutedKinds.isEmpty else { return false }
        let scan = checkers.scans.scan(bytes)
        guard scan.payloads.isEmpty || scan.certificates.isEmpty else { return false }
        var places = scan.proposals.map {
            MutedPlace(kind: .proposal, height: $0.body.height, view: $0.body.view, receiver: receiver)
        }
        for vote in scan.certificates.map(\.vote) {
            let kind: MutedKind =
                switch vote.kind {
                case .notarize: .notarization
                case .finalize: .finalization
                case .nullify: .nullification
                }
            places.append(MutedPlace(kind: kind, height: vote.height, view: vote.view, receiver: receiver))
        }
        return places.contains { isMuted($0) }
    }

    private func isMuted(_ place: MutedPlace) -> Bool {
        guard faults.mutedKinds.contains(place.kind) else { return false }
        if let known = mutedPlaces[place] { return known }
        let isMuted = faultRandom.chance(faults.mutedPercent)
        mutedPlaces[place] = isMuted
        return isMuted
    }
}
