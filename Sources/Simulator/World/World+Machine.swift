import Crypto
import Gossip
import Ledger

/// What a site's machine does for its node: turns, journal, pieces, validation, averaging.
extension World {
    /// Hands one event to a node and carries out what it asks for.
    func turn(_ site: Site, _ event: Event) {
        guard let process = site.process else { return }
        var actions: [Action] = []
        process.node.handle(event, now: process.instant(now), into: &actions)
        measures.actionsMaximum = max(measures.actionsMaximum, actions.count)
        trace.record(now, 3, UInt64(site.index), UInt64(actions.count))
        var rest = actions.count
        if site.crashTrigger == .midTurn, actions.count > 1 {
            site.crashTrigger = nil
            rest = 1 + faultRandom.draw(below: actions.count - 1)
            counts.add("crashes-mid-turn")
        }
        for action in actions.prefix(rest) { perform(action, site, process) }
        if rest < actions.count { crash(site) }
    }

    private func perform(_ action: Action, _ site: Site, _ process: Process) {
        guard site.process === process else { return }
        let life = site.life
        switch action {
        case .send(let link, let bytes): send(site, link, bytes)
        case .sendPiece(let link, let name): sendPiece(site, link, name)
        case .sendVersion(let link, let height):
            guard let version = site.disk.version(at: height) else { return }
            for message in Wire.messages(of: version) { send(site, link, message) }
        case .close(let link, let reason): close(site, link, reason)
        case .addresses: break
        case .setTimer(let instant):
            process.timerGeneration += 1
            let due = max(process.time(instant), now) + machineRandom.draw(0...faults.timerLatenessMaximum)
            queue.push(.timer(site: site.index, life: life, generation: process.timerGeneration), at: due)
        case .persist(let ticket, let entries): persist(site, process, ticket, entries)
        case .storePiece(let contribution, let name, let handle, let link):
            queue.push(
                .storePiece(site: site.index, life: life, contribution, name, handle, link),
                at: now + machineRandom.draw(10...faults.syncMaximum))
        case .dropPiece(let handle): process.handles[handle] = nil
        case .validate(let contribution):
            queue.push(
                .validate(site: site.index, life: life, contribution),
                at: now + machineRandom.draw(100...faults.validationMaximum))
        case .average(let name, let parent, let manifest):
            check(parent, manifest, site)
            queue.push(
                .average(site: site.index, life: life, name, parent.roots, manifest),
                at: now + machineRandom.draw(faults.averagingMinimum...faults.averagingMaximum))
        case .forget(let contribution): forget(site, contribution)
        case .emit(let notice): hear(notice, site)
        }
    }

    // MARK: - Journal

    private func persist(_ site: Site, _ process: Process, _ ticket: PersistTicket, _ entries: [JournalEntry]) {
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
            counts.add("crashes-before-sync")
            return crash(site)
        }
        let (ticket, entries) = process.batches.removeFirst()
        // A version that lists nothing keeps the parameters of its parent.
        for case .adopt(let certified) in entries where !certified.version.manifest.isEmpty {
            if !process.candidates.contains(certified.version.roots.parameters), site.isHonest {
                oracles.report(.missingParameters, "member \(site.member) adopts \(certified.height)")
            }
        }
        site.disk.commit(entries)
        oracles.synced(entries, by: site.member)
        measures.journalMaximum = max(
            measures.journalMaximum, site.disk.entryCount / Int(site.disk.height.value + 1))
        trace.record(now, 4, UInt64(site.index), UInt64(entries.count))
        trace.say(now, "\(site.member) synced \(entries.map(\.kind.rawValue).joined(separator: " "))")
        if site.crashTrigger == .afterSync {
            site.crashTrigger = nil
            counts.add("crashes-after-sync")
            return crash(site)
        }
        let due = max(now + machineRandom.draw(0...500), process.lastReport + 1)
        process.lastReport = due
        queue.push(.persisted(site: site.index, life: site.life, ticket), at: due)
        meetCrashPoint(site, .durable)
    }

    // MARK: - Pieces and validation

    func storePiece(
        _ site: Site, _ contribution: Contribution, _ name: PieceName, _ handle: PieceHandle, _ link: LinkID
    ) {
        guard let process = site.process else { return }
        guard let piece = process.handles.removeValue(forKey: handle) else {
            return oracles.report(.wrongJob, "member \(site.member) stores a piece that it does not hold")
        }
        let fits =
            contribution.contributionDigest == name.contribution
            && (0..<contribution.pieceCount).contains(name.index)
            && piece.bytes.count == contribution.byteCount(ofPiece: name.index)
            && MerkleTree.verify(
                leaf: MerkleTree.leaf(piece.bytes), index: name.index, leafCount: contribution.pieceCount,
                proof: piece.proof, root: contribution.pieceRoot)
        guard fits else { return turn(site, .pieceStored(name, .mismatch, from: link)) }
        if process.forgotten.contains(name.contribution) || fails() {
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
            oracles.report(.wrongJob, "member \(site.member) validates what it does not hold")
            return turn(site, .validated(digest, .failed))
        }
        if fails() { return turn(site, .validated(digest, .failed)) }
        if badContributions.contains(digest) {
            return turn(site, .validated(digest, .refused("norm-mismatch")))
        }
        blob.isSynced = true
        site.disk.blobs[digest] = blob
        turn(site, .validated(digest, .valid))
    }

    private func forget(_ site: Site, _ contribution: ContributionDigest) {
        site.disk.blobs[contribution] = nil
        site.process?.forgotten.insert(contribution)
        guard site.isHonest else { return }
        if oracles.versions.values.contains(where: { $0.manifest.contains { $0.contribution == contribution } }) {
            oracles.report(.wrongJob, "member \(site.member) forgets \(contribution.short), which a version lists")
        }
    }

    // MARK: - Averaging

    private func check(_ parent: Version, _ manifest: [ManifestEntry], _ site: Site) {
        guard site.isHonest else { return }
        for entry in manifest where !oracles.holds(site.member, entry.contribution) {
            oracles.report(
                .wrongJob, "member \(site.member) averages \(entry.contribution.short) without holding it")
        }
        let head = site.disk.adopted.last?.version ?? genesis.version
        if parent.height > head.height.next {
            oracles.report(.wrongJob, "member \(site.member) averages on \(parent.height), its head is \(head.height)")
        }
    }

    func average(_ site: Site, _ name: AveragingID, _ parent: StateRoots, _ manifest: [ManifestEntry]) {
        if fails() { return turn(site, .averaged(name, nil)) }
        let roots = altered(work.roots(parent: parent, manifest: manifest), from: site)
        site.process?.candidates.insert(roots.parameters)
        turn(site, .averaged(name, roots))
    }

    private func fails() -> Bool {
        guard !isHealed, machineRandom.chance(faults.jobFailurePercent) else { return false }
        counts.add("job-failures")
        return true
    }

    // MARK: - Notices

    /// What `meshctl status` would say must agree with what just happened.
    private func checkReport(_ site: Site, after certified: CertifiedVersion) {
        guard site.isHonest, let process = site.process else { return }
        let report = process.node.report(now: process.instant(now))
        if report.height != certified.height || report.head != certified.version.versionDigest {
            oracles.report(
                .wrongJob, "member \(site.member) reports \(report.height) where it adopted \(certified.height)")
        }
    }

    private func hear(_ notice: Notice, _ site: Site) {
        switch notice {
        case .adopted(let certified, _):
            trace.say(now, "\(site.member) adopted \(certified.height) \(certified.version.versionDigest.short)")
            measures.viewMaximum = max(measures.viewMaximum, certified.certificate.vote.view.value)
            checkReport(site, after: certified)
            train(site)
        case .alarm(let alarm):
            trace.say(now, "\(site.member) ALARM \(alarm)")
            if site.isHonest { oracles.report(.alarm, "member \(site.member): \(alarm)") }
        default: trace.say(now, "\(site.member) \(notice.line)")
        }
    }
}
