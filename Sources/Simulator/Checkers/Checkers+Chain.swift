import Crypto
import Gossip
import Ledger

extension Checkers {
    /// An honest member made this version its head.
    func adopted(_ certified: CertifiedVersion, by member: Int) {
        let version = certified.version
        let (height, digest) = (version.height.value, version.versionDigest)
        let vote = certified.certificate.vote
        if vote.kind != .finalize || vote.height != version.height || vote.version != digest {
            report(.invalidCertificate, "member \(member) adopted \(height) by a certificate of something else")
        }
        kept(certified.certificate, by: member)
        guard let first = versions[height] else {
            versions[height] = version
            certifiedFirst(certified)
            reviewIndexes[height] = reviews(below: height, with: certified.embedded.ready.map(\.body))
            enterRoster(after: certified)
            noteReverts(of: certified)
            if let roster = rosters[height + 1] { self.certified(certified, roster) }
            return
        }
        if first.versionDigest != digest {
            report(
                .conflictingVersions,
                "member \(member) adopted \(digest.short), others \(first.versionDigest.short) at \(height)")
        }
    }

    private func certifiedFirst(_ certified: CertifiedVersion) {
        let version = certified.version
        let height = version.height.value
        for entry in version.manifest {
            guard let roster = rosters[height] else { continue }
            let count = holders(entry.contribution, roster)
            if count < roster.faultBound + 1 {
                report(.tooFewHolders, "\(entry.contribution.short) at \(height) is held by \(count) honest members")
            }
            if let other = listed[entry.slot] {
                report(.repeatedSlot, "\(Claim.Place.contribution(entry.slot).name) at \(other) and \(height)")
            }
            listed[entry.slot] = height
        }
        if let least = rosters[height]?.rules.minContributions, (1..<Int(least)).contains(version.manifest.count) {
            report(.tooFewContributions, "\(version.manifest.count) at \(height), where the rules ask for \(least)")
        }
        if Set(version.manifest.map(\.slot.author)).count != version.manifest.count {
            report(.repeatedSlot, "an author twice at \(height)")
        }
        let parent = height == 1 ? genesisVersion.roots : versions[height - 1]?.roots
        if let parent {
            if version.parent != versions[height - 1]?.versionDigest, height > 1 {
                report(.conflictingVersions, "\(height) does not continue \(height - 1)")
            }
            if version.roots != expectedRoots(of: certified, parent: parent) { report(.wrongRoots, "at \(height)") }
        } else {
            report(.conflictingVersions, "\(height) was adopted before anybody adopted \(height - 1)")
        }
    }

    /// To be asked at the end: ready records of a height may be signed until it is certified and are seen until then.
    func checkInclusion() {
        for height in versions.keys.sorted() {
            guard let version = versions[height], let roster = rosters[height] else { continue }
            // A replayed state that takes over stands alone.
            if history[height].map(isSwitch) ?? false { continue }
            var counts: [Slot: Int] = [:]
            let records = honestReady[height] ?? [:]
            for record in records.values where record.parent == version.parent {
                for slot in record.slots { counts[slot, default: 0] += 1 }
            }
            let binding = counts.keys.sorted().filter { slot in
                counts[slot, default: 0] >= 2 * roster.faultBound + 1
                    && !isExempt(slot, reviewIndexes[height] ?? [:], roster)
            }
            // Too few bind nobody: whether others were there too is not for honest members alone to say.
            if Set(binding.map(\.author)).count < roster.rules.minContributions, version.manifest.isEmpty { continue }
            for slot in binding {
                guard !version.manifest.contains(where: { $0.slot == slot }) else { continue }
                let baseHeight = baseHeight(slot.base) ?? 0
                let isSuperseded = version.manifest.contains {
                    $0.slot.author == slot.author && $0.baseHeight.value > baseHeight
                }
                if !isSuperseded {
                    report(.inclusion, "\(Claim.Place.contribution(slot).name) is missing at \(height)")
                }
            }
        }
    }
}
