import Crypto
import Ledger
import Link

extension Node {
    /// Syncs headers, then fetches parameters.
    func synchronise() {
        continueHeaderSync()
        guard synchronisation.isActive, !isStopped else {
            // What is being written becomes the head, also of a node that stops meanwhile.
            if let fetch = synchronisation.fetch, fetch.stage != .adopting {
                release(fetch)
                synchronisation.fetch = nil
            }
            return
        }
        if let fetch = synchronisation.fetch {
            switch fetch.stage {
            case .adopting, .completing: return
            case .opening, .fetching:
                // Peers drop old parameters: what they keep no longer is given up for what they do keep.
                if synchronisation.headerSync.isKept(fetch.point), !isUnavailable(fetch) { return requestBlocks() }
            }
        }
        guard isHeaderSyncComplete, mayTakeParameters,
            let goal = synchronisation.headerSync.goal(lacksParameters: synchronisation.lacksParameters),
            synchronisation.fetch?.root != goal.root
        else { return requestBlocks() }
        if let fetch = synchronisation.fetch { release(fetch) }
        synchronisation.fetch = BlockFetch(goal)
        effects.append(.openParameters(goal.root))
        emit(.fetchingParameters(goal.height))
    }

    /// Nobody who is linked keeps these parameters.
    private func isUnavailable(_ fetch: BlockFetch) -> Bool {
        let holders = links.order.filter { links[$0].map { $0.hasReported } ?? false }
        return !holders.isEmpty && holders.allSatisfy { fetch.without.contains($0) }
    }

    func parametersOpened(_ root: Digest, held: [Bool]) {
        guard synchronisation.fetch?.root == root, synchronisation.fetch?.stage == .opening else { return }
        synchronisation.fetch?.held = Bitmap(held)
        synchronisation.fetch?.stage = .fetching
        completeIfFull()
        pacing.progressed = true
    }

    /// Asks for lacking blocks in a random order, so that many joiners do not ask one peer for the same: of each peer
    /// no more than its window, of those that failed least first.
    private func requestBlocks() {
        guard let fetch = synchronisation.fetch, fetch.stage == .fetching, !fetch.isPaused else { return }
        let holders = links.order.filter { link in
            guard let known = links[link], known.hasReported else { return false }
            return known.claimedHeight >= fetch.point.height && !fetch.without.contains(link)
        }
        // A member that was asked in vain lately is asked only if no other holds what is fetched, busy or not.
        let relays = holders.filter { links[$0].map { links.isRelay($0.member, at: chain.height) } ?? false }
        let providers = (relays.isEmpty ? holders : relays).filter {
            links[$0].map { $0.inFlight < $0.window } ?? false
        }
        guard !providers.isEmpty, fetch.held.count > 0 else { return }
        let start = Int.random(in: 0..<fetch.held.count, using: &random)
        var chosen: [LinkID: [Int]] = [:]
        for block in fetch.missing(from: start, limit: LinkTable.windowMaximum * providers.count) {
            var best: (link: LinkID, cost: (failures: Int, load: Int))?
            for provider in providers {
                guard let link = links[provider], link.inFlight < link.window else { continue }
                let cost = (failures: fetch.failures[provider] ?? 0, load: link.inFlight)
                if best.map({ cost < $0.cost }) ?? true { best = (provider, cost) }
            }
            guard let best else { break }
            links.update(best.link) { $0.inFlight += 1 }
            synchronisation.fetch?.requests[block] = Candidate.Request(link: best.link, asked: now)
            synchronisation.fetch?.asked.insert(best.link)
            chosen[best.link, default: []].append(block)
        }
        for link in chosen.keys.sorted() { send(.blocks(fetch.root, .wanted(chosen[link]!)), to: link) }
    }

    func received(_ root: Digest, _ note: BlockNote, from link: LinkID) {
        switch note {
        case .wanted(let blocks): effects.append(.sendBlocks(link, root, blocks))
        case .absent:
            guard let fetch = synchronisation.fetch, fetch.root == root else { return }
            synchronisation.fetch?.without.insert(link)
            for index in fetch.requests.keys.sorted() where fetch.requests[index]?.link == link {
                releaseBlock(index, from: link, came: false)
            }
            pacing.progressed = true
        }
    }

    /// False where the piece is no block of what is being fetched.
    func blockArrived(_ name: BlockName, _ handle: PieceHandle, from link: LinkID) -> Bool {
        guard let fetch = synchronisation.fetch, fetch.root == name.root, fetch.stage != .opening else { return false }
        guard fetch.asked.contains(link), name.index < fetch.held.count else {
            effects.append(.dropPiece(handle))
            cutOff(link, .unaskedPiece)
            return true
        }
        releaseBlock(name.index, from: link, came: true)
        guard fetch.stage == .fetching, !fetch.held[name.index], !fetch.storing.contains(name.index) else {
            effects.append(.dropPiece(handle))
            return true
        }
        synchronisation.fetch?.storing.insert(name.index)
        effects.append(.storeBlock(name, handle, from: link))
        return true
    }

    func blockStored(_ name: BlockName, _ outcome: PieceOutcome, from link: LinkID) {
        guard let fetch = synchronisation.fetch, fetch.root == name.root, fetch.storing.contains(name.index) else {
            return
        }
        synchronisation.fetch?.storing.remove(name.index)
        switch outcome {
        case .stored:
            synchronisation.fetch?.held.insert(name.index)
            completeIfFull()
        case .mismatch: cutOff(link, .badPiece)
        case .failed: synchronisation.fetch?.isPaused = true
        }
        pacing.progressed = true
    }

    private func completeIfFull() {
        guard let fetch = synchronisation.fetch, fetch.stage == .fetching, fetch.held.isFull else { return }
        synchronisation.fetch?.stage = .completing
        effects.append(.completeParameters(fetch.root))
    }

    /// All blocks are checked and synced under their root: the version may become the head.
    func parametersCompleted(_ root: Digest, held: [Bool]) {
        guard let fetch = synchronisation.fetch, fetch.root == root, fetch.stage == .completing else { return }
        synchronisation.fetch?.held = Bitmap(held)
        pacing.progressed = true
        guard !held.contains(false) else {
            synchronisation.fetch?.stage = .fetching
            synchronisation.fetch?.isPaused = true
            return
        }
        synchronisation.fetch?.stage = .adopting
        if let version = fetch.point.version {
            persist([.stateSynced(version)], then: [.stateSynced(root)])
        } else {
            stateSyncIsDurable(root)
        }
    }

    /// The version is the head, with all versions before it on disk.
    func stateSyncIsDurable(_ root: Digest) {
        guard let fetch = synchronisation.fetch, fetch.root == root, fetch.stage == .adopting else {
            preconditionFailure("nothing takes the place of parameters that are being adopted")
        }
        let listed = Set(chain.listed.values).union(synchronisation.headerSync.listed)
        let before = chain
        chain = fetch.point.chain
        restartHeaderSync(from: chain)
        if let version = fetch.point.version {
            headVersion = version
            height = ConsensusInstance(
                network: chain.network, height: chain.nextHeight, members: chain.members, began: now)
            averagings = AveragingTable()
            commitments.advance(
                to: chain, participants: Set(version.version.manifest.map(\.slot.author)), listing: listed)
            pruneContributions(listed: listed)
            governanceAdvanced(from: before, carrying: nil)
        }
        emit(.synchronised(chain.head))
        replayEarly()
        pacing.idleTicks = 0
        pacing.isAdoptionUntold = true
        pacing.nextTick = now
        pacing.progressed = true
    }

    private func release(_ fetch: BlockFetch) {
        for request in fetch.requests.values {
            links.update(request.link) { $0.inFlight = max(0, $0.inFlight - 1) }
        }
    }

    private func releaseBlock(_ index: Int, from link: LinkID, came: Bool) {
        guard let request = synchronisation.fetch?.requests[index], request.link == link else { return }
        synchronisation.fetch?.requests[index] = nil
        let took = came ? now.since(request.asked) : nil
        links.update(link) { $0.noteAnswer(afterMilliseconds: took, timeoutMilliseconds: timing.pieceTimeout) }
    }

    func expireBlocks() {
        guard let fetch = synchronisation.fetch else { return }
        for index in fetch.requests.keys.sorted() {
            guard let request = fetch.requests[index], now.since(request.asked) >= timing.pieceTimeout else { continue }
            releaseBlock(index, from: request.link, came: false)
            if let member = links[request.link]?.member { links.noteRelayFailure(of: member, at: chain.height) }
            synchronisation.fetch?.failures[request.link, default: 0] += 1
        }
    }

    /// What a failed disk or a peer without the parameters held up is tried again.
    func retryBlocks() {
        synchronisation.fetch?.isPaused = false
        if synchronisation.fetch?.stage == .fetching { synchronisation.fetch?.without = [] }
    }

    func forgetSynchronisation(of link: LinkID) {
        forgetHeaderRequest(of: link)
        guard let fetch = synchronisation.fetch else { return }
        synchronisation.fetch?.without.remove(link)
        synchronisation.fetch?.failures[link] = nil
        synchronisation.fetch?.asked.remove(link)
        synchronisation.fetch?.requests = fetch.requests.filter { $0.value.link != link }
    }

    var blockDeadline: Instant? {
        synchronisation.fetch?.requests.values.map { $0.asked + timing.pieceTimeout }.min()
    }
}
