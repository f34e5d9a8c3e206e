import Gossip
import Ledger

/// What must stay bounded whatever Byzantine members send: by the number of members, of bases and of views.
extension Cluster {
    /// Of one node, now and then.
    func check(_ sizes: NodeSizes, of site: Site) {
        measures.candidatesMaximum = max(measures.candidatesMaximum, sizes.candidates)
        measures.votesMaximum = max(measures.votesMaximum, sizes.votes)
        measures.readyRecordsMaximum = max(measures.readyRecordsMaximum, sizes.readyRecords)
        measures.earlyBytesMaximum = max(measures.earlyBytesMaximum, sizes.earlyBytes)
        for bound in bounds(of: sizes) where bound.count > bound.limit {
            checkers.report(
                .unboundedMemory, "member \(site.member): \(bound.count) \(bound.name), at most \(bound.limit)")
        }
        checkDisk(of: site)
    }

    /// Payloads that no version lists: of each member and base one, and none larger than the model can give.
    func checkDisk(of site: Site) {
        let largest = checkers.rosters.values.map { $0.rules.payloadBytesMaximum(of: genesis.tensors) }.max() ?? 0
        let limit = UInt64(options.nodes * basesMaximum) * largest
        let listed = Set(site.disk.adopted.flatMap { $0.version.manifest.map(\.contribution) })
        let bytes = site.disk.blobs.filter { !listed.contains($0.key) }.values.reduce(UInt64(0)) { $0 + $1.byteCount }
        measures.unlistedBytesMaximum = max(measures.unlistedBytesMaximum, bytes)
        if bytes > limit {
            checkers.report(
                .unboundedDisk, "member \(site.member): \(bytes) bytes of payloads, at most \(limit)")
        }
    }

    /// Of the rules that were ever in force the widest window, and what a node drops only when it moves on.
    private var basesMaximum: Int {
        Int(checkers.rosters.values.map(\.rules.maxStaleness).max() ?? 0) + 1
    }

    private func bounds(of sizes: NodeSizes) -> [(name: String, count: Int, limit: Int)] {
        let members = options.nodes
        let slots = members * basesMaximum
        // Loose votes are kept for 16 views beyond the own one.
        let views = sizes.view + 17
        // Of a leader two, and what this node itself was about to propose.
        let payloads = 3 * views + 2
        return [
            ("links", sizes.links, members - 1),
            ("bytes of early messages", sizes.earlyBytes, (members - 1) * 512 << 10),
            ("slots", sizes.slots, slots),
            // One per slot. Of its own slots a node that lost its journal may learn of a second one.
            ("candidates", sizes.candidates, slots + basesMaximum),
            ("availability votes", sizes.availabilityVotes, members * slots),
            ("availability certificates", sizes.availabilityCertificates, slots + members * payloads),
            ("holders of pieces", sizes.providers, (slots + basesMaximum) * (members - 1)),
            ("views", sizes.views, views),
            ("proposals", sizes.proposals, 2 * views),
            ("votes", sizes.votes, 3 * members * views),
            ("payloads", sizes.payloads, payloads),
            ("ready records", sizes.readyRecords, members + members * payloads),
            ("closed statements", sizes.closedStatements, slots + members * payloads),
            ("closings", sizes.closings, basesMaximum * payloads),
            // A leader averages again with every ready record that changes what it must list.
            ("averagings", sizes.averagings, payloads + members * views),
            // An availability vote a slot, three votes and a proposal a view, a ready record, an adoption, addresses,
            // evidence; a closed round.
            ("batches that wait", sizes.unsyncedBatches, slots + 4 * views + (2 + 16) * members + 9),
            ("things asked for", sizes.fetches, 4_096),
            ("addresses", sizes.addresses, members),
            // Honest members give nothing against themselves.
            ("proofs", sizes.proofs, 16 * faults.byzantine.count { !$0.isEmpty }),
            ("statements", sizes.statements, 8_192 * members),
        ]
    }

    /// Of the whole cluster, at its end.
    func checkBounds() {
        if measures.handlesMaximum > 64 * options.nodes {
            checkers.report(.unboundedQueue, "\(measures.handlesMaximum) pieces held by one process")
        }
        if measures.effectsMaximum > max(4_096, 64 * options.nodes) {
            checkers.report(.unboundedQueue, "\(measures.effectsMaximum) actions of one turn")
        }
        for site in sites where site.isHonest {
            checkJournal(of: site)
            checkDisk(of: site)
        }
    }

    /// Of a height: a review of every reviewer and slot of a base; of every operator's action the signatures and
    /// verdicts that it may give between two versions, and readiness of every member for each of those that have a
    /// place.
    private var governanceMaximum: Int {
        guard faults.proposalInterval != nil || faults.reviewInterval != nil else { return 0 }
        let members = options.nodes
        return members * members + 2 * 64 * members + 128 * (members + 1)
    }

    private func checkJournal(of site: Site) {
        let slots = options.nodes * basesMaximum
        for height in site.disk.share.keys.sorted() {
            guard let share = site.disk.share[height] else { continue }
            measures.journalMaximum = max(measures.journalMaximum, share.entries)
            // Of a slot its record, its availability vote and its certificate, twice where a restart came between; of a
            // view a proposal and three votes, each with payload and certificates; the ready record and the version.
            // What commits a slot is written with every ready record that names it.
            let closed = options.nodes * (basesMaximum + 1)
            let limit = closed + 6 * slots + 14 * Int(share.view + 1) + 2 + governanceMaximum
            if share.entries > limit {
                checkers.report(
                    .unboundedJournal, "member \(site.member): \(share.entries) entries for \(height), at most \(limit)"
                )
            }
        }
    }

    /// After healing a version is decided once a leader is neither faulty nor slower than its timer: at most f leaders
    /// in a row are faulty, and timers double until they suffice.
    func checkViews() {
        for height in [healedHeight + 1, healedHeight + 2] {
            guard let view = decidedViews[height] else { continue }
            let before = height == healedHeight + 1 ? healedView : 1
            let views = view > before ? view - before : 0
            measures.viewsAfterHealing = max(measures.viewsAfterHealing, views)
            let limit = UInt32(2 * ((options.nodes - 1) / 3) + 8)
            if views > limit {
                checkers.report(.tooManyViews, "\(views) views for \(height) after healing, at most \(limit)")
            }
        }
    }
}
