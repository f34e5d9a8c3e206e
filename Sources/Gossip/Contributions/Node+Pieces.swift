import Ledger
import Link

extension Node {
    /// A peer said which pieces it holds.
    func received(have digest: ContributionDigest, _ pieces: Bitmap, from link: LinkID) {
        contributions.update(digest) { if pieces.count == $0.pieces.count { $0.providers[link] = pieces } }
    }

    /// A peer wants pieces. The shell sends those that are on disk, of what older versions list too.
    func received(want digest: ContributionDigest, _ pieces: [Int], from link: LinkID) {
        guard let candidate = contributions[digest] else {
            if commitments.isListed(digest) { give(pieces, of: digest, pieceCount: mostPieces, to: link) }
            return
        }
        guard isShown(candidate) else { return deferPieces(pieces, of: candidate, for: link) }
        give(pieces.filter { candidate.pieces[$0] }, of: digest, pieceCount: candidate.pieces.count, to: link)
    }

    /// Each piece is read and compressed again, so a peer is given each a few times only.
    private func give(_ pieces: [Int], of digest: ContributionDigest, pieceCount: Int, to link: LinkID) {
        let room = links.takeRoom(for: pieces.count, of: digest, pieceCount: pieceCount, on: link)
        for index in pieces.prefix(room) {
            effects.append(.sendPiece(link, PieceName(contribution: digest, index: index)))
        }
    }

    /// As many pieces as a contribution of this model can have.
    private var mostPieces: Int {
        guard let base = chain.bases.last else { return 0 }
        return Int(clamping: base.payloadBytesMaximum / UInt64(base.rules.pieceBytes)) + 1
    }

    /// A peer may know earlier than the author that a contribution may be shown.
    private func deferPieces(_ pieces: [Int], of candidate: Candidate, for link: LinkID) {
        guard candidate.isAnnounced else { return }
        let held = pieces.filter { candidate.pieces[$0] }
        contributions.update(candidate.digest) {
            let known = $0.deferred[link, default: []]
            guard known.count + held.count <= LinkTable.windowMaximum else { return }
            $0.deferred[link] = known.union(held)
        }
    }

    /// Asks for lacking pieces: of each candidate the rarest first, of each provider no more than its window, and of
    /// those that have failed least.
    ///
    /// An author is asked for its own before anybody is asked for what others made: nobody else may have it, and while
    /// every author's line carries what it made, no line carries anything twice. What room is left relays. A member
    /// that was asked in vain for what others made is asked, for a while, only for pieces that no other member holds.
    func schedulePieces() {
        // What a node that is far behind lacks for its old height is of no use: its links are for parameters.
        guard !synchronisation.isActive, hasRoomForPieces else { return }
        let wanted = contributions.fetching.filter { digest in
            contributions[digest].map { !$0.providers.isEmpty && !$0.isPaused && mayFetch($0) } ?? false
        }
        guard !wanted.isEmpty else { return }
        for (digest, author) in fewestFailuresFirst(wanted) {
            if let candidate = contributions[digest] { request(candidate, of: [author]) }
        }
        // Not everybody begins with the same one.
        let first = wanted.count == 1 ? 0 : Int.random(in: 0..<wanted.count, using: &random)
        for digest in wanted[first...] + wanted[..<first] {
            if let candidate = contributions[digest] { request(candidate, of: links.order) }
        }
    }

    /// Contributions whose author has a link, with the link: the oldest first, but what the author did not give in time
    /// after what it gives. A payload that never comes must not hold up the author's next one.
    private func fewestFailuresFirst(_ digests: [ContributionDigest]) -> [(ContributionDigest, author: LinkID)] {
        var found: [(digest: ContributionDigest, author: LinkID, failures: Int)] = []
        for digest in digests {
            guard let candidate = contributions[digest], let author = links.link(to: candidate.contribution.author)
            else { continue }
            found.append((digest, author, candidate.failures[author] ?? 0))
        }
        return found.indices.sorted { (found[$0].failures, $0) < (found[$1].failures, $1) }
            .map { (found[$0].digest, found[$0].author) }
    }

    private func request(_ candidate: Candidate, of links: [LinkID]) {
        guard candidate.missingCount > 0 else { return }
        let providers = links.compactMap { link in candidate.providers[link].map { (link: link, pieces: $0) } }
        let hasRoom = providers.contains { provider in
            self.links[provider.link].map { $0.inFlight < $0.window } ?? false
        }
        let affordable = Int(clamping: fetchableBytes / UInt64(candidate.contribution.pieceBytes))
        guard hasRoom, affordable > 0 else { return }
        var chosen: [LinkID: [Int]] = [:]
        let relays = candidate.providers.filter { mayRelay($0.key, candidate) }.map(\.value)
        let pieces = rarestFirst(considered(candidate, providers.map(\.pieces)), providers.map(\.pieces))
        for piece in pieces.prefix(affordable) {
            var best: (link: LinkID, cost: (failures: Int, load: Int))?
            for provider in providers where provider.pieces[piece] {
                guard let link = self.links[provider.link], link.inFlight < link.window else { continue }
                guard mayRelay(provider.link, candidate) || !relays.contains(where: { $0[piece] }) else { continue }
                let cost = (failures: candidate.failures[provider.link] ?? 0, load: link.inFlight)
                if best.map({ cost < $0.cost }) ?? true { best = (provider.link, cost) }
            }
            guard let best else { continue }
            self.links.update(best.link) { $0.inFlight += 1 }
            contributions.update(candidate.digest) {
                $0.requests[piece] = Candidate.Request(link: best.link, asked: now)
                $0.asked.insert(best.link)
            }
            chosen[best.link, default: []].append(piece)
        }
        for link in chosen.keys.sorted() { send(.want(candidate.digest, pieces: chosen[link]!), to: link) }
    }

    /// Whether the link's member made the contribution, or was not asked in vain lately for what others made.
    private func mayRelay(_ id: LinkID, _ candidate: Candidate) -> Bool {
        guard let member = links[id]?.member else { return false }
        return member == candidate.contribution.author || links.isRelay(member, at: chain.height)
    }

    /// Pieces that may be asked for now: all that lack, or of very many a run from a random one on, since this is done
    /// again with every piece that comes.
    private func considered(_ candidate: Candidate, _ held: [Bitmap]) -> [Int] {
        let limit = Candidate.consideredMaximum
        let start = candidate.missingCount <= limit ? 0 : Int.random(in: 0..<candidate.pieces.count, using: &random)
        return candidate.missing(from: start, limit: limit, heldBy: held)
    }

    /// Pieces with the fewest holders first; among equals in a random order, so that two peers of one author do not
    /// both begin with the same piece.
    private func rarestFirst(_ pieces: [Int], _ held: [Bitmap]) -> [Int] {
        let limit = LinkTable.windowMaximum * max(1, held.count)
        return pieces.shuffled(using: &random)
            .map { piece in (piece: piece, holders: held.count { $0[piece] }) }
            .sorted { $0.holders < $1.holders }
            .prefix(limit).map(\.piece)
    }

    func pieceArrived(_ name: PieceName, byteCount: Int, _ handle: PieceHandle, from link: LinkID) {
        if blockArrived(BlockName(name), handle, from: link) { return }
        guard let candidate = contributions[name.contribution], name.index < candidate.pieces.count else {
            effects.append(.dropPiece(handle))
            return
        }
        guard candidate.asked.contains(link) else {
            effects.append(.dropPiece(handle))
            cutOff(link, .unaskedPiece)
            return
        }
        releaseRequest(name, from: link, came: true)
        // Fewer bytes are a compressed frame: the shell expands it to the size that the record says, and no further.
        guard byteCount <= candidate.contribution.byteCount(ofPiece: name.index) else {
            effects.append(.dropPiece(handle))
            cutOff(link, .badPiece)
            return
        }
        guard candidate.status == .fetching, !candidate.pieces[name.index], !candidate.storing.contains(name.index),
            hasRoomForPieces
        else {
            effects.append(.dropPiece(handle))
            return
        }
        contributions.update(name.contribution) { $0.storing.insert(name.index) }
        effects.append(.storePiece(candidate.contribution, name, handle, from: link))
    }

    func pieceStored(_ name: PieceName, _ outcome: PieceOutcome, from link: LinkID) {
        guard let candidate = contributions[name.contribution], candidate.storing.contains(name.index) else { return }
        contributions.update(name.contribution) { $0.storing.remove(name.index) }
        switch outcome {
        case .stored:
            storage.stored(candidate.contribution.byteCount(ofPiece: name.index))
            contributions.update(name.contribution) { $0.pieces.insert(name.index) }
            announceProgress(name.contribution)
            if let candidate = contributions[name.contribution], candidate.isComplete {
                contributions.update(name.contribution) { $0.status = .validating }
                effects.append(.validate(candidate.contribution))
            }
        case .mismatch: cutOff(link, .badPiece)
        case .failed: contributions.update(name.contribution) { $0.isPaused = true }
        }
    }

    /// What was signed stays signed: the slot's availability vote is not taken back, the piece comes from somebody
    /// else.
    func pieceLost(_ name: PieceName) {
        guard let candidate = contributions[name.contribution], candidate.pieces[name.index] else { return }
        contributions.update(name.contribution) {
            $0.pieces.remove(name.index)
            if $0.status == .valid || $0.status == .validating { $0.status = .fetching }
        }
        pacing.progressed = true
    }

    /// Relay before complete: peers learn of pieces while others still come, in at most 16 steps.
    private func announceProgress(_ digest: ContributionDigest) {
        guard let candidate = contributions[digest], candidate.pieces.count > 1 else { return }
        let step = max(1, candidate.pieces.count / 16)
        if candidate.pieces.setCount % step == 0 { send(.have(digest, pieces: candidate.pieces), to: .sample()) }
    }

    private func releaseRequest(_ name: PieceName, from link: LinkID, came: Bool) {
        guard let request = contributions[name.contribution]?.requests[name.index], request.link == link else { return }
        contributions.update(name.contribution) { $0.requests[name.index] = nil }
        let took = came ? now.since(request.asked) : nil
        links.update(link) { $0.noteAnswer(afterMilliseconds: took, timeoutMilliseconds: timing.pieceTimeout) }
    }

    /// Gives back the places in flight that a candidate takes which is about to be dropped.
    func releaseRequests(of candidate: Candidate) {
        for request in candidate.requests.values {
            links.update(request.link) { $0.inFlight = max(0, $0.inFlight - 1) }
        }
    }

    /// Pieces that did not come in time are asked of somebody else: that provider is forgotten until it speaks again.
    func expirePieces() {
        for digest in contributions.requesting {
            guard let candidate = contributions[digest] else { continue }
            for index in candidate.requests.keys.sorted() {
                guard let request = candidate.requests[index], now.since(request.asked) >= timing.pieceTimeout else {
                    continue
                }
                releaseRequest(PieceName(contribution: digest, index: index), from: request.link, came: false)
                if let member = links[request.link]?.member, member != candidate.contribution.author {
                    links.noteRelayFailure(of: member, at: chain.height)
                }
                contributions.update(digest) {
                    $0.failures[request.link, default: 0] += 1
                    if $0.providers.count > 1 { $0.providers[request.link] = nil }
                }
            }
        }
    }

    func forgetProvider(_ link: LinkID) {
        forgetSynchronisation(of: link)
        for digest in contributions.order {
            contributions.update(digest) { candidate in
                candidate.providers[link] = nil
                candidate.failures[link] = nil
                candidate.asked.remove(link)
                candidate.deferred[link] = nil
                candidate.requests = candidate.requests.filter { $0.value.link != link }
            }
        }
    }

    var pieceDeadline: Instant? {
        contributions.requesting.compactMap { contributions[$0]?.requests.values.map(\.asked).min() }.min()
            .map { $0 + timing.pieceTimeout }
    }
}
