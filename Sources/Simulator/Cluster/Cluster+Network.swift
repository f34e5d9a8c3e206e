import Crypto
import Gossip
import Ledger
import Link

/// Links: how they come up, carry and break.
extension Cluster {
    /// One member dials the other. Where that fails it is tried again later.
    func connect(_ one: Int, _ other: Int) {
        let slot = pair(min(one, other), max(one, other))
        if let open = current[slot], connections[open]?.isOpen == true { return }
        let left = body(of: one, for: other)
        let right = body(of: other, for: one)
        guard let leftProcess = left.process, let rightProcess = right.process,
            !isBlocked[pair(one, other)], !isBlocked[pair(other, one)]
        else { return dialLater(one, other) }
        let identifier = nextConnection
        nextConnection += 1
        var ends: [Connection.End] = []
        for (site, process) in [(left, leftProcess), (right, rightProcess)] {
            let link = LinkID(process.nextLink)
            process.nextLink += 1
            process.links[link] = LinkEnd(connection: identifier, end: ends.count)
            let upTime = now + networkRandom.draw(100...faults.delayMaximum + 100)
            ends.append(
                Connection.End(site: site.index, life: site.life, link: link, upTime: upTime, lastArrival: upTime))
            queue.push(.linkUp(connection: identifier, end: ends.count - 1), at: upTime)
        }
        connections[identifier] = Connection(ends: ends)
        current[slot] = identifier
        for site in [left, right] where site.does(.twins) {
            let isDouble = sites(of: site.member).contains { $0 !== site && $0.process?.links.isEmpty == false }
            if isDouble { counts.add(.twins) }
        }
    }

    private func body(of member: Int, for peer: Int) -> Site {
        let drawn = networkRandom.pick(bodies[member])
        guard !isHealed, let lane, bodies[member].count > 1, bodies[peer].count == 1 else { return sites[drawn] }
        return sites[bodies[member][lane(peer)]]
    }

    func dialLater(_ one: Int, _ other: Int) {
        if sites(of: one).allSatisfy(\.isDead) || sites(of: other).allSatisfy(\.isDead) { return }
        queue.push(.connect(one, other), at: now + networkRandom.draw(20_000...400_000))
    }

    func sites(of member: Int) -> [Site] { bodies[member].map { sites[$0] } }

    func linkUp(_ identifier: Int, _ end: Int) {
        guard let mine = connections[identifier]?.ends[end], !mine.isDown, living(mine.site, mine.life) != nil,
            let peer = connections[identifier]?.ends[1 - end]
        else { return }
        connections[identifier]?.ends[end].isUp = true
        turn(sites[mine.site], .linkUp(mine.link, sites[peer.site].identity.member))
    }

    /// The process at this end learns that the link is gone.
    func linkDown(_ identifier: Int, _ end: Int) {
        guard let mine = connections[identifier]?.ends[end], !mine.isDown else { return }
        connections[identifier]?.ends[end].isDown = true
        if connections[identifier]?.ends[1 - end].isDown == true { connections[identifier] = nil }
        guard let process = living(mine.site, mine.life) else { return }
        process.links[mine.link] = nil
        if mine.isUp { turn(sites[mine.site], .linkDown(mine.link)) }
    }

    /// Nothing new passes any more; each end learns of it in its own time.
    func breakConnection(_ identifier: Int, noticedWithin delay: UInt64) {
        guard let connection = connections[identifier], connection.isOpen else { return }
        connections[identifier]?.isOpen = false
        for end in 0...1 {
            queue.push(.linkDown(connection: identifier, end: end), at: now + networkRandom.draw(0...delay))
        }
        dialLater(sites[connection.ends[0].site].member, sites[connection.ends[1].site].member)
    }

    /// The core cut the link: its own end is gone at once.
    func close(_ site: Site, _ link: LinkID, _ reason: CloseReason) {
        guard let mine = site.process?.links.removeValue(forKey: link),
            let connection = connections[mine.connection]
        else { return }
        let peer = connection.ends[1 - mine.end]
        if reason != .replacedByNewerLink, site.isHonest, sites[peer.site].isHonest {
            checkers.report(.cutOffHonest, "member \(site.member) cut off \(sites[peer.site].member): \(reason)")
        }
        connections[mine.connection]?.ends[mine.end].isDown = true
        if connection.isOpen { breakConnection(mine.connection, noticedWithin: faults.delayMaximum) }
    }

    /// Puts a message on the wire, if the site's owner lets it, and the cluster too.
    func send(_ site: Site, _ link: LinkID, _ bytes: [UInt8]) {
        guard let mine = site.process?.links[link], let connection = connections[mine.connection] else { return }
        let peer = sites[connection.ends[1 - mine.end].site]
        for message in site.isHonest ? [bytes] : altered(bytes, from: site, to: peer, over: mine) {
            transmit(message, from: site, over: mine)
        }
    }

    func transmit(_ bytes: [UInt8], from site: Site, over mine: LinkEnd) {
        guard let connection = connections[mine.connection] else { return }
        let peer = connection.ends[1 - mine.end]
        let (from, to) = (site.member, sites[peer.site].member)
        if let scan = checkers.sent(bytes, by: from) { coalition.heard(scan) }
        if culprits.contains(from) { checkers.watch(bytes) }
        tap?(from, .message(bytes))
        measures.messages += 1
        measures.messageBytes += UInt64(bytes.count)
        measures.messageBytesMaximum = max(measures.messageBytesMaximum, bytes.count)
        trace.record(now, 1, UInt64(site.index), UInt64(peer.site))
        trace.record(checkers.scans.digest(of: bytes))
        trace.say(now, "\(from) -> \(to)  \(RecordScan(bytes: bytes).summary(byteCount: bytes.count))")
        guard connection.isOpen, !isBlocked[pair(from, to)], isHealed || filter?(from, to, bytes) ?? true else {
            return
        }
        if isMuted(bytes, to: to) { return counts.add(.messagesMuted) }
        if !isHealed, networkRandom.chance(faults.lossPercent) { return counts.add(.messagesLost) }
        let isDoubled = !isHealed && networkRandom.chance(faults.duplicationPercent)
        if isDoubled { counts.add(.messagesDuplicated) }
        for _ in 0..<(isDoubled ? 2 : 1) {
            let arrival = arrivalTime(over: mine, from: from, to: to, byteCount: bytes.count)
            queue.push(.message(connection: mine.connection, end: 1 - mine.end, bytes), at: arrival)
        }
    }

    private func arrivalTime(over mine: LinkEnd, from: Int, to: Int, byteCount: Int) -> SimulatedTime {
        var delay = networkRandom.draw(faults.delayMinimum...faults.delayMaximum) + UInt64(byteCount / 100)
        if isSlow[pair(from, to)], !isHealed { delay *= 10 }
        guard let receiver = connections[mine.connection]?.ends[1 - mine.end] else { return now + delay }
        var arrival = max(now + delay, receiver.upTime + 1, cloggedUntil[pair(from, to)] + delay / 10)
        if faults.isOrdered {
            arrival = max(arrival, receiver.lastArrival + 1)
            connections[mine.connection]?.ends[1 - mine.end].lastArrival = arrival
        }
        return arrival
    }

    func arrive(_ bytes: [UInt8], at end: Int, of identifier: Int) {
        guard let mine = connections[identifier]?.ends[end], mine.isUp, !mine.isDown,
            living(mine.site, mine.life) != nil
        else { return }
        if !sites[mine.site].isHonest { answerForgeries(bytes, sites[mine.site], mine.link) }
        serveEarly(bytes, sites[mine.site], mine.link)
        noteHeard(bytes, by: sites[mine.site])
        turn(sites[mine.site], .message(mine.link, bytes))
    }

    func sendPiece(_ site: Site, _ link: LinkID, _ name: PieceName) {
        guard let blob = site.disk.blobs[name.contribution], blob.pieces.indices.contains(name.index),
            let piece = blob.pieces[name.index]
        else { return }
        // Some machines compress, some do not.
        let sent = site.member.isMultiple(of: 2) ? piece.framed : piece
        send(sent, name, byteCount: piece.bytes.count, from: site, over: link)
    }

    /// Puts a piece or block of so many bytes, which may be framed, on the wire.
    func send(_ piece: ProvenPiece, _ name: PieceName, byteCount: Int, from site: Site, over link: LinkID) {
        guard let mine = site.process?.links[link], let connection = connections[mine.connection] else { return }
        let (from, to) = (site.member, sites[connection.ends[1 - mine.end].site].member)
        guard let given = altered(piece, from: site, to: to) else { return }
        tap?(from, .piece(name, given.expanded(to: byteCount)?.bytes ?? given.bytes))
        if let shown = made[name.contribution], shown.author == site.identity.member { checkers.shows(shown, by: from) }
        measures.pieces += 1
        trace.record(now, 2, UInt64(site.index), UInt64(to), UInt64(name.index))
        trace.say(now, "\(from) -> \(to)  piece \(name.index) of \(name.contribution.short)")
        guard connection.isOpen, !isBlocked[pair(from, to)], isHealed || filter?(from, to, []) ?? true else { return }
        if !isHealed, networkRandom.chance(faults.lossPercent) { return counts.add(.messagesLost) }
        let isDoubled = !isHealed && networkRandom.chance(faults.duplicationPercent)
        if isDoubled { counts.add(.messagesDuplicated) }
        for _ in 0..<(isDoubled ? 2 : 1) {
            let arrival = arrivalTime(over: mine, from: from, to: to, byteCount: 10 * byteCount)
            queue.push(.piece(connection: mine.connection, end: 1 - mine.end, name, given), at: arrival)
        }
    }

    func arrive(_ piece: ProvenPiece, _ name: PieceName, at end: Int, of identifier: Int) {
        guard let mine = connections[identifier]?.ends[end], mine.isUp, !mine.isDown,
            let process = living(mine.site, mine.life)
        else { return }
        let handle = PieceHandle(process.nextHandle)
        process.nextHandle += 1
        process.handles[handle] = piece
        measures.handlesMaximum = max(measures.handlesMaximum, process.handles.count)
        turn(sites[mine.site], .piece(mine.link, name, byteCount: piece.bytes.count, handle))
    }
}
