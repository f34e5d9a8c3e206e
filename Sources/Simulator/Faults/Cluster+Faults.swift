import Crypto
import Gossip
import Ledger

/// Crashes, restarts, partitions, and their end.
extension Cluster {
    // MARK: - Crashes

    func boot(_ site: Site) {
        guard site.process == nil, !site.isDead else { return }
        let recovered: Recovered
        do {
            recovered = try site.disk.recovered(genesis: genesis)
        } catch {
            return checkers.report(.unreadableJournal, "member \(site.member): \(error)")
        }
        site.life += 1
        let node = Node(
            identity: site.identity, timing: options.timing, recovered: recovered, verifier: verifier, reader: reader,
            random: site.random.split())
        node.ignoresDuplicateInstances = !site.isHonest
        let process = Process(node: node, clock: ProcessClock(start: machineRandom.draw(1 << 28...1 << 30)))
        process.lastSync = now
        process.lastReport = now
        site.process = process
        trace.record(now, 5, UInt64(site.index), site.life)
        trace.say(now, "\(site.member) starts at height \(site.disk.height)")
        turn(site, .start)
        measureSpace(site)
        train(site)
        scheduleAttack(site)
        for member in 0..<options.nodes where member != site.member { connect(site.member, member) }
    }

    /// The power of one site is cut. What was not synced is gone, and it starts again after a while.
    func crash(_ site: Site, downFor downtime: UInt64? = nil) {
        guard let process = site.process else { return }
        counts.add(.crashes)
        keepUnreported(site, process)
        counts.add(.batchesLost, UInt64(process.batches.count))
        trace.record(now, 6, UInt64(site.index))
        trace.say(now, "\(site.member) crashes with \(process.batches.count) batches unsynced")
        site.process = nil
        site.crashTrigger = nil
        counts.add(.piecesTorn, site.disk.losePower(random: &machineRandom))
        for identifier in connections.keys.sorted() {
            guard let connection = connections[identifier], connection.ends.contains(where: { $0.site == site.index })
            else { continue }
            breakConnection(identifier, noticedWithin: 2_000_000)
        }
        let length = downtime ?? 1_000 * faultRandom.draw(1...faults.downMaximum)
        queue.push(.boot(site: site.index), at: now + length)
    }

    /// A sync that had not returned may have written all the same: batches become durable in order.
    private func keepUnreported(_ site: Site, _ process: Process) {
        guard !isHealed, !process.batches.isEmpty, faultRandom.chance(faults.keptBatchesPercent) else { return }
        let count = 1 + faultRandom.draw(below: process.batches.count)
        counts.add(.batchesKeptUnreported, UInt64(count))
        for batch in process.batches.prefix(count) { commit(batch.entries, site, process) }
        process.batches.removeFirst(count)
    }

    func randomCrash() {
        if faultRandom.chance(faults.massCrashPercent) {
            counts.add(.massCrashes)
            for site in sites { crash(site) }
            return
        }
        let site = faultRandom.pick(sites)
        switch faultRandom.draw(below: 5) {
        case 0: site.crashTrigger = .beforeSync
        case 1: site.crashTrigger = .afterSync
        case 2: site.crashTrigger = .midTurn
        default: crash(site)
        }
    }

    /// - Parameter ticket: of the batch, once it is durable.
    func meetCrashPoint(_ site: Site, _ phase: CrashPoint.Phase, _ ticket: PersistTicket? = nil) {
        guard !crashPoints.isEmpty, let process = site.process else { return }
        let batch = phase == .asked ? site.batchesAsked : site.batchesAsked - process.batches.count
        for point in crashPoints where point.member == site.member && point.batch == batch {
            switch (point.phase, phase) {
            case (.asked, .asked), (.durable, .durable): crash(site, at: point)
            case (.reported, .durable): process.reportedPoint = ticket.map { ($0, point) }
            default: continue
            }
        }
    }

    func crash(_ site: Site, at point: CrashPoint) {
        crashPoints.removeAll { $0 == point }
        for other in sites where other === site || point.takesAll { crash(other, downFor: 300_000) }
    }

    // MARK: - Links

    func randomBreak() {
        let open = connections.keys.sorted().filter { connections[$0]?.isOpen == true }
        guard !open.isEmpty else { return }
        counts.add(.linksBroken)
        breakConnection(faultRandom.pick(open), noticedWithin: 500_000)
    }

    /// Isolates a member, splits the members in two, or stops one direction between some.
    func randomPartition() {
        let count = options.nodes
        var pairs: [Int] = []
        let isSymmetric = faultRandom.chance(60)
        let side = (0..<count).map { _ in faultRandom.chance(50) }
        let lonely = faultRandom.draw(below: count)
        let isIsolation = faultRandom.chance(40)
        for from in 0..<count {
            for to in 0..<count where from != to {
                let isCut = isIsolation ? from == lonely || to == lonely : side[from] != side[to]
                let isForward = isIsolation ? from == lonely : side[from]
                if isCut, isSymmetric || isForward { pairs.append(pair(from, to)) }
            }
        }
        pairs.removeAll { isBlocked[$0] }
        for blocked in pairs { isBlocked[blocked] = true }
        // All may be on one side, or cut off already.
        if !pairs.isEmpty {
            switch (isIsolation, isSymmetric) {
            case (false, true): counts.add(.partitions)
            case (false, false): counts.add(.partitionsOneWay)
            case (true, true): counts.add(.isolations)
            case (true, false): counts.add(.isolationsOneWay)
            }
        }
        trace.record(now, 7, UInt64(pairs.count))
        trace.say(now, "partition: \(pairs.map { "\($0 / count)-\($0 % count)" }.joined(separator: " "))")
        queue.push(.endPartition(pairs), at: now + 1_000 * faultRandom.draw(100...faults.partitionLengthMaximum))
        // Sometimes the links notice, sometimes messages just vanish.
        guard faultRandom.chance(50) else { return }
        for identifier in connections.keys.sorted() {
            guard let connection = connections[identifier], connection.isOpen else { continue }
            let members = connection.ends.map { sites[$0.site].member }
            if isBlocked[pair(members[0], members[1])] || isBlocked[pair(members[1], members[0])] {
                breakConnection(identifier, noticedWithin: 1_000_000)
            }
        }
    }

    // MARK: - Healing

    /// From here on nothing fails: links carry, nobody crashes, and all but a few restart.
    func heal() {
        isHealed = true
        for index in isBlocked.indices {
            isBlocked[index] = false
            cloggedUntil[index] = .zero
        }
        healedHeight = sites.map { $0.disk.height.value }.max() ?? 0
        for site in sites where site.isHonest && site.disk.height.value == healedHeight {
            guard let process = site.process else { continue }
            healedView = max(healedView, process.node.report(now: process.clock.reading(at: now)).view.value)
        }
        trace.record(now, 8, healedHeight)
        trace.say(now, "healed at height \(healedHeight)")
        for site in sites {
            site.crashTrigger = nil
            site.diskFullUntil = .zero
            queue.push(.space(site: site.index, life: site.life), at: now)
            if site.isHonest, faults.deadAfterHealing[site.member] {
                counts.add(.deadMembers)
                site.isDead = true
                if site.process != nil { crash(site) }
            }
        }
    }
}
