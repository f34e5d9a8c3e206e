import Crypto
import Gossip
import Ledger
import Link

/// What a site's machine does for its node: turns, journal, pieces, validation, averaging.
extension Cluster {
    /// Hands one event to a node and carries out what it asks for.
    func turn(_ site: Site, _ event: Event) {
        guard let process = site.process else { return }
        var effects: [Effect] = []
        process.node.handle(event, now: process.clock.reading(at: now), into: &effects)
        measures.effectsMaximum = max(measures.effectsMaximum, effects.count)
        trace.record(now, 3, UInt64(site.index), UInt64(effects.count))
        if site.isHonest, measures.occurrences.isMultiple(of: 32) { check(process.node.sizes, of: site) }
        let point = crashPoint(in: event, process)
        var rest = effects.count
        if point != nil || site.crashTrigger == .midTurn, effects.count > 1 {
            site.crashTrigger = nil
            rest = 1 + faultRandom.draw(below: effects.count - 1)
            counts.add(.crashesMidTurn)
        }
        for effect in effects.prefix(rest) { perform(effect, site, process) }
        if let point { return crash(site, at: point) }
        if rest < effects.count { crash(site) }
    }

    private func crashPoint(in event: Event, _ process: Process) -> CrashPoint? {
        guard case .persisted(let ticket) = event, let (batch, point) = process.reportedPoint, batch == ticket else {
            return nil
        }
        return point
    }

    private func perform(_ effect: Effect, _ site: Site, _ process: Process) {
        guard site.process === process else { return }
        let life = site.life
        switch effect {
        case .send(let link, let bytes): send(site, link, bytes)
        case .sendPiece(let link, let name): sendPiece(site, link, name)
        case .sendVersion(let link, let height):
            guard let version = site.disk.version(at: height) else { return }
            for message in Wire.messages(of: version) { send(site, link, message) }
        case .close(let link, let reason): close(site, link, reason)
        case .addresses: break
        case .setTimer(let instant):
            process.armed = instant
            armTimer(site, process)
        case .persist(let ticket, let entries): persist(site, process, ticket, entries)
        case .storePiece(let contribution, let name, let handle, let link):
            queue.push(
                .storePiece(site: site.index, life: life, contribution, name, handle, link),
                at: now + machineRandom.draw(10...faults.syncMaximum))
        case .dropPiece(let handle): process.handles[handle] = nil
        case .dropPieces(let contribution): dropPieces(site, contribution)
        case .validate(let contribution):
            queue.push(
                .validate(site: site.index, life: life, contribution),
                at: now + machineRandom.draw(100...faults.validationMaximum))
        case .average(let name, let parent, let manifest):
            check(parent, manifest, site)
            let length = machineRandom.draw(faults.averagingMinimum...faults.averagingMaximum)
            if length > 1_000 * options.timing.viewInitial { counts.add(.slowAveragings) }
            queue.push(.average(site: site.index, life: life, name, parent.roots, manifest), at: now + length)
        case .replay(let chain): beginReplay(site, process, chain)
        case .forget(let contribution): forget(site, contribution)
        case .emit(let notice): hear(notice, site)
        case .sendHeaders, .sendBlocks, .openParameters, .storeBlock, .completeParameters:
            performSynchronisation(effect, site, process)
        }
    }

    /// Plans the node's timer by its clock as it goes now.
    func armTimer(_ site: Site, _ process: Process) {
        guard let instant = process.armed else { return }
        process.timerGeneration += 1
        let due = max(process.clock.time(of: instant), now) + machineRandom.draw(0...faults.timerLatenessMaximum)
        queue.push(.timer(site: site.index, life: site.life, generation: process.timerGeneration), at: due)
    }

    // MARK: - Journal

    private func persist(_ site: Site, _ process: Process, _ ticket: PersistTicket, _ entries: [JournalEntry]) {
        noteClosing(entries, of: site)
        process.batches.append((ticket, entries))
        measures.batchesMaximum = max(measures.batchesMaximum, process.batches.count)
        let due = max(now + machineRandom.draw(50...faults.syncMaximum), process.lastSync + 1)
        process.lastSync = due
        queue.push(.sync(site: site.index, life: site.life), at: due)
        site.batchesAsked += 1
        meetCrashPoint(site, .asked)
    }

    func sync(_ site: Site) {
        guard let process = site.process, !process.batches.isEmpty else { return }
        if site.crashTrigger == .beforeSync {
            site.crashTrigger = nil
            counts.add(.crashesBeforeSync)
            return crash(site)
        }
        if isFull(site) {
            queue.push(.sync(site: site.index, life: site.life), at: now + machineRandom.draw(50_000...200_000))
            return
        }
        let (ticket, entries) = process.batches.removeFirst()
        commit(entries, site, process)
        if site.crashTrigger == .afterSync {
            site.crashTrigger = nil
            counts.add(.crashesAfterSync)
            return crash(site)
        }
        let due = max(now + machineRandom.draw(0...500), process.lastReport + 1)
        process.lastReport = due
        queue.push(.persisted(site: site.index, life: site.life, ticket), at: due)
        meetCrashPoint(site, .durable, ticket)
    }

    /// A batch becomes durable, whether or not the process ever hears of it.
    func commit(_ entries: [JournalEntry], _ site: Site, _ process: Process) {
        // A version with the parameters of its parent needs no others.
        for case .adopt(let certified) in entries
        where certified.version.roots != (site.disk.adopted.last?.version.roots ?? genesis.roots) {
            if !process.candidates.contains(certified.version.roots.name), site.isHonest {
                checkers.report(.missingParameters, "member \(site.member) adopts \(certified.height)")
            }
        }
        for case .stateSynced(let certified) in entries where site.isHonest {
            site.stateSyncs += 1
            if !site.disk.hasParameters(certified.version.roots.name) {
                checkers.report(.missingParameters, "member \(site.member) syncs its state to \(certified.height)")
            }
        }
        site.disk.commit(entries)
        checkers.synced(entries, by: site.member)
        trace.record(now, 4, UInt64(site.index), UInt64(entries.count))
        trace.say(now, "\(site.member) synced \(entries.map(\.kind.rawValue).joined(separator: " "))")
    }

    // MARK: - Pieces and validation

    func storePiece(
        _ site: Site, _ contribution: Contribution, _ name: PieceName, _ handle: PieceHandle, _ link: LinkID
    ) {
        guard let process = site.process else { return }
        guard let received = process.handles.removeValue(forKey: handle) else {
            return checkers.report(.wrongJob, "member \(site.member) stores a piece that it does not hold")
        }
        guard contribution.contributionDigest == name.contribution, (0..<contribution.pieceCount).contains(name.index)
        else { return checkers.report(.wrongJob, "member \(site.member) stores a piece of no contribution") }
        guard let piece = received.expanded(to: contribution.byteCount(ofPiece: name.index)),
            MerkleTree.verify(
                leaf: MerkleTree.leaf(piece.bytes), index: name.index, leafCount: contribution.pieceCount,
                proof: piece.proof, root: contribution.pieceRoot)
        else { return turn(site, .pieceStored(name, .mismatch, from: link)) }
        if process.forgotten.contains(name.contribution) || machineFails(site) {
            return turn(site, .pieceStored(name, .failed, from: link))
        }
        var blob = site.disk.blobs[name.contribution] ?? Blob(pieceCount: contribution.pieceCount)
        blob.pieces[name.index] = piece
        site.disk.blobs[name.contribution] = blob
        turn(site, .pieceStored(name, .stored, from: link))
    }

    func validate(_ site: Site, _ contribution: Contribution) {
        let digest = contribution.contributionDigest
        if site.process?.forgotten.contains(digest) == true { return turn(site, .validated(digest, .failed)) }
        guard var blob = site.disk.blobs[digest], blob.isComplete else {
            checkers.report(.wrongJob, "member \(site.member) validates what it does not hold")
            return turn(site, .validated(digest, .failed))
        }
        if machineFails(site) { return turn(site, .validated(digest, .failed)) }
        if badContributions.contains(digest) {
            return turn(site, .validated(digest, .refused("norm-mismatch")))
        }
        blob.isSynced = true
        site.disk.blobs[digest] = blob
        turn(site, .validated(digest, .valid))
    }

    private func dropPieces(_ site: Site, _ contribution: ContributionDigest) {
        if site.isHonest, let blob = site.disk.blobs[contribution], blob.isSynced {
            checkers.report(.wrongJob, "member \(site.member) drops \(contribution.short), which is complete")
        }
        site.disk.blobs[contribution] = nil
    }

    private func forget(_ site: Site, _ contribution: ContributionDigest) {
        site.disk.blobs[contribution] = nil
        site.process?.forgotten.insert(contribution)
        guard site.isHonest else { return }
        if checkers.versions.values.contains(where: { $0.manifest.contains { $0.contribution == contribution } }) {
            checkers.report(.wrongJob, "member \(site.member) forgets \(contribution.short), which a version lists")
        }
    }

    // MARK: - Averaging

    private func check(_ parent: Version, _ manifest: [ManifestEntry], _ site: Site) {
        guard site.isHonest else { return }
        for entry in manifest where !checkers.holds(site.member, entry.contribution) {
            checkers.report(
                .wrongJob, "member \(site.member) averages \(entry.contribution.short) without holding it")
        }
        let head = site.disk.adopted.last?.version ?? genesis.version
        if parent.height > head.height.next {
            checkers.report(.wrongJob, "member \(site.member) averages on \(parent.height), its head is \(head.height)")
        }
    }

    func average(_ site: Site, _ name: AveragingID, _ parent: StateRoots, _ manifest: [ManifestEntry]) {
        if machineFails(site) { return turn(site, .averaged(name, nil)) }
        let roots = altered(work.roots(parent: parent, manifest: manifest), from: site)
        site.process?.candidates.insert(roots.name)
        site.disk.parameters[roots.name] = Cluster.wholeParameters
        turn(site, .averaged(name, roots))
    }

    /// Whether a job of the site that writes fails: for a full disk, or by chance.
    func machineFails(_ site: Site) -> Bool {
        if isFull(site) { return true }
        guard !isHealed, machineRandom.chance(faults.jobFailurePercent) else { return false }
        counts.add(.jobFailures)
        return true
    }

    // MARK: - Notices

    /// What `meshctl status` would say must agree with what just happened.
    private func checkReport(_ site: Site, after certified: CertifiedVersion) {
        guard site.isHonest, let process = site.process else { return }
        let report = process.node.report(now: process.clock.reading(at: now))
        if report.height != certified.height || report.head != certified.version.versionDigest {
            checkers.report(
                .wrongJob, "member \(site.member) reports \(report.height) where it adopted \(certified.height)")
        }
    }

    func hear(_ notice: Notice, _ site: Site) {
        switch notice {
        case .adopted(let certified, _):
            trace.say(now, "\(site.member) adopted \(certified.height) \(certified.version.versionDigest.short)")
            let view = certified.certificate.vote.view.value
            measures.viewMaximum = max(measures.viewMaximum, view)
            if decidedViews[certified.height.value] == nil { decidedViews[certified.height.value] = view }
            checkReport(site, after: certified)
            site.disk.retain(genesis)
            train(site)
        case .synchronised(let version):
            trace.say(now, "\(site.member) \(notice.line)")
            site.disk.retain(genesis)
            if version.height != site.disk.height {
                checkers.report(.wrongJob, "member \(site.member) is at \(site.disk.height), not \(version.height)")
            }
            train(site)
        case .mayLeave:
            trace.say(now, "\(site.member) \(notice.line)")
            leave(site)
        case .abstaining(let until):
            trace.say(now, "\(site.member) \(notice.line)")
            site.abstentions += 1
            if site.isHonest { checkers.abstains(site.member, until: until) }
        case .alarm(let alarm):
            trace.say(now, "\(site.member) ALARM \(alarm)")
            if site.isHonest { checkers.report(.alarm, "member \(site.member): \(alarm)") }
        case .payloadRefused(_, let payload, let embedded, let fault):
            trace.say(now, "\(site.member) \(notice.line)")
            if site.isHonest { checkers.refused(payload, embedded, by: site.member, because: fault) }
        default: trace.say(now, "\(site.member) \(notice.line)")
        }
    }
}
