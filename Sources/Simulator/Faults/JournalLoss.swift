import Crypto
import Gossip
import Ledger

/// Journals that are lost or rolled back, of members that count among the f besides the Byzantine and the dead ones.
///
/// The store's witness, or the operator who restored a backup, says so at the next start: that others notice by
/// themselves cannot be promised where at most f of them ever heard of what was lost.
extension FaultProfile {
    mutating func drawLosses(_ random: inout SeededRandom) {
        let founders = founders
        let budget = (founders.count - 1) / 3 - founders.count(where: isFaulty)
        guard budget > 0, random.chance(75) else { return }
        lossInterval = random.draw(400...8_000)
        for _ in 0..<(1 + random.draw(below: budget)) {
            losesJournal[random.pick(founders.filter { !isFaulty($0) })] = true
        }
    }
}

extension Cluster {
    func planLosses() {
        guard let interval = faults.lossInterval else { return }
        queue.push(.journalFault, at: now + 1_000 * faultRandom.draw(1...2 * interval))
    }

    /// Takes a backup of a member's disk, takes everything from it, or brings the backup back.
    func journalFault() {
        guard !isHealed else { return }
        planLosses()
        let site = faultRandom.pick(sites.filter { $0.isHonest && faults.losesJournal[$0.member] })
        switch faultRandom.draw(below: 3) {
        case 0: site.backup = site.disk
        case 1:
            var empty = SimulatedDisk()
            if faultRandom.chance(50) { empty.blobs = site.disk.blobs }
            counts.add(.journalsLost)
            replaceDisk(of: site, by: empty, isDeclared: true)
        default:
            guard let backup = site.backup else { return }
            counts.add(.journalsRolledBack)
            replaceDisk(of: site, by: backup, isDeclared: true)
        }
    }

    /// The power goes, and what is there when it comes back is another disk.
    ///
    /// - Parameter isDeclared: whether the next start is told; otherwise the others must notice.
    func replaceDisk(of site: Site, by disk: SimulatedDisk, isDeclared: Bool) {
        crash(site)
        trace.record(now, 9, UInt64(site.index), disk.height.value)
        trace.say(now, "\(site.member) gets another disk, of height \(disk.height) in place of \(site.disk.height)")
        site.disk = disk
        checkers.replacedDisk(of: site.member, by: (try? disk.entries()) ?? [])
        if isDeclared { site.disk.commit([.abstention(Abstention(until: nil))]) }
    }
}
