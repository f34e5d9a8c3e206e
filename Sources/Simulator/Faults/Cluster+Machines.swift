import Gossip
import Ledger

/// Clocks that leap or stand still, processes that get no turn, disks that take nothing.
extension Cluster {
    func randomClock() {
        let running = sites.filter { $0.process != nil }
        guard !running.isEmpty else { return }
        let site = faultRandom.pick(running)
        guard let process = site.process else { return }
        let length = faultRandom.draw(1...faults.pauseMaximum)
        switch faultRandom.draw(below: 3) {
        case 0:
            let milliseconds = faultRandom.draw(1...faults.clockLeapMaximum)
            counts.add(.clockLeaps)
            trace.say(now, "the clock of \(site.member) leaps by \(milliseconds) ms")
            process.clock.leap(milliseconds: milliseconds)
            armTimer(site, process)
        case 1:
            counts.add(.clockPauses)
            trace.say(now, "the clock of \(site.member) stands still for \(length) ms")
            process.clock.pause(from: now, milliseconds: length)
            armTimer(site, process)
        default:
            counts.add(.stalls)
            trace.say(now, "\(site.member) gets no turn for \(length) ms")
            process.stalledUntil = now + 1_000 * length
        }
        trace.record(now, 9, UInt64(site.index))
    }

    func randomFullDisk() {
        let site = faultRandom.pick(sites)
        counts.add(.disksFull)
        site.diskFullUntil = now + 1_000 * faultRandom.draw(10...faults.diskFullMaximum)
        trace.record(now, 10, UInt64(site.index))
        trace.say(now, "the disk of \(site.member) is full until \(site.diskFullUntil)")
        queue.push(.space(site: site.index, life: site.life), at: now)
    }

    /// A full disk has no byte free, and is measured again once it has. Any other has room for everything.
    func measureSpace(_ site: Site) {
        let isFull = site.diskFullUntil > now
        if isFull { queue.push(.space(site: site.index, life: site.life), at: site.diskFullUntil) }
        turn(site, .freeSpace(isFull ? 0 : 1 << 50))
    }

    /// Whether a write of this site fails now.
    func isFull(_ site: Site) -> Bool {
        guard site.diskFullUntil > now else { return false }
        counts.add(.writesRefused)
        return true
    }

    /// What is asked for on some directed links arrives late, all at once.
    func randomClog() {
        let count = options.nodes
        let one = faultRandom.draw(below: count)
        let other = faultRandom.draw(below: count)
        let direction = faultRandom.draw(below: 3)
        let until = now + 1_000 * faultRandom.draw(50...faults.clogLengthMaximum)
        trace.record(now, 11, UInt64(one), UInt64(other))
        trace.say(now, "clog: member \(one), until \(until)")
        let peers = (0..<count).filter { $0 != one && (direction < 2 || $0 == other) }
        let links = peers.map { direction == 1 ? pair($0, one) : pair(one, $0) }.filter { cloggedUntil[$0] < until }
        for link in links { cloggedUntil[link] = until }
        if !links.isEmpty { counts.add(.clogs) }
    }
}
