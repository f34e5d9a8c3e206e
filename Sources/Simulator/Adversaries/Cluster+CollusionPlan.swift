import Crypto
import Gossip
import Ledger

/// Colluders that follow a plan: their nodes keep them on the chain, and what they say of it comes from the plan.
extension Cluster {
    /// Binds the members to a plan. From now on their nodes' own ready records, proposals and votes for a version leave
    /// them only as far as the plan has nothing against it.
    func bind(_ colluders: Range<Int>, to plan: CollusionPlan) {
        coalition.plan = plan
        filter = { [unowned self] from, _, bytes in !colluders.contains(from) || mayLeave(bytes, from: from) }
    }

    private func mayLeave(_ bytes: [UInt8], from member: Int) -> Bool {
        guard let plan = coalition.plan, !plan.isSpeaking, !bytes.isEmpty else { return true }
        let own = checkers.people[member]
        let scan = checkers.scans.scan(bytes)
        if scan.ready.contains(where: { $0.signer == own }) || scan.proposals.contains(where: { $0.signer == own }) {
            return false
        }
        guard !plan.shunned.isEmpty, let position = coalition.members.index(of: own) else { return true }
        return !scan.certificates.contains { votes in
            votes.vote.kind != .nullify && votes.signatures.signers == [position] && !plan.wants(votes.vote.version)
        }
    }

    /// One act of every colluder: a ready record for a new height, a proposal where it leads, votes for what the plan
    /// wants.
    func pursue(_ colluders: Range<Int>) {
        coalition.plan?.isSpeaking = true
        for member in colluders {
            let site = sites[bodies[member][0]]
            guard let process = site.process, let position = position(of: site),
                process.node.chain.members.digest == coalition.members.digest
            else { continue }
            let view = process.node.report(now: process.clock.reading(at: now)).view
            sayReady(position, site, process.node.chain)
            lead(position, site, process.node.chain, view)
            vote(position, site, process.node.chain)
        }
        coalition.plan?.isSpeaking = false
    }

    private func readyRecord(_ position: Int, _ chain: Chain) -> Signed<Ready> {
        let plan = coalition.plan
        let slots = coalition.certifiableSlots(on: chain.headDigest).filter { slot in
            !(plan?.shunned.contains(slot.author) ?? false)
        }
        return coalition.signed(
            Ready(
                height: chain.nextHeight, parent: chain.headDigest, slots: slots,
                actions: [plan?.action(at: chain.nextHeight)?.action.digest].compactMap { $0 },
                replayed: plan?.replayed), by: position)
    }

    /// Once enough others are ready, so that with the colluders they are a quorum, and there is something to name.
    private func sayReady(_ position: Int, _ site: Site, _ chain: Chain) {
        guard coalition.plan?.ready[chain.nextHeight]?[position] == nil,
            othersReady(chain).count + coalition.colluders.count >= chain.members.quorum
        else { return }
        let record = readyRecord(position, chain)
        coalition.plan?.ready[chain.nextHeight, default: [:]][position] = record
        spread(ForgedMessage.ready(record), from: site)
    }

    private func othersReady(_ chain: Chain) -> [Signed<Ready>] {
        let known = coalition.ready[chain.nextHeight.value] ?? [:]
        let own = coalition.colluders
        return known.keys.sorted().filter { !own.contains($0) }.compactMap { known[$0] }.filter {
            $0.body.parent == chain.headDigest
        }
    }

    private func lead(_ position: Int, _ site: Site, _ chain: Chain, _ view: View) {
        let place = Coalition.LedPlace(site: site.index, height: chain.nextHeight, view: view)
        let order = LeaderOrder(network: chain.network, height: chain.nextHeight, memberCount: chain.members.count)
        guard order.leader(of: view) == position, coalition.plan?.led.contains(place) == false,
            let embedded = plannedPayload(over: chain)
        else { return }
        coalition.plan?.led.insert(place)
        coalition.plan?.propose(embedded.version.versionDigest)
        for message in messages(proposing: embedded, by: position, in: view, from: .none) {
            spread(message, from: site)
        }
        if let action = embedded.action { spread(ForgedMessage.carried(action), from: site) }
    }

    /// The payload that serves the plan best: valid wherever the colluders' own ready records suffice for that.
    func plannedPayload(over chain: Chain) -> EmbeddedPayload? {
        guard let plan = coalition.plan else { return nil }
        let own = coalition.colluders.map { plan.ready[chain.nextHeight]?[$0] ?? readyRecord($0, chain) }
        let records = own + othersReady(chain)
        guard records.count >= chain.members.quorum else { return nil }
        let ready = records.prefix(chain.members.quorum).sorted { $0.objectDigest < $1.objectDigest }
        if let roots = plan.replayed { return switchPayload(to: roots, ready, chain) }
        let listed = chain.slotsToList(by: ready.map(\.body)).filter { !plan.shunned.contains($0.author) }
        if listed.isEmpty, !plan.shunned.isEmpty { return nil }
        var availability: [Slot: AvailabilityCertificate] = [:]
        for slot in listed { availability[slot] = certificate(of: slot) }
        guard
            let manifest = chain.manifest(
                listing: listed, availability: availability, contributions: coalition.records(of: listed))
        else { return nil }
        let action = plan.action(at: chain.nextHeight)
        let next = action.flatMap { checkers.newestRoster.after($0.action) }
        let closings = coalition.closings(for: manifest)
        let support = Support(
            ready: ready.map(\.objectDigest), closings: closings.map(\.names.digest), action: action?.objectDigest)
        let version = Version(
            network: chain.network, height: chain.nextHeight, parent: chain.headDigest, manifest: manifest,
            action: action?.action.digest, rules: next?.rules.digest ?? chain.rules.digest,
            members: next?.memberSet.digest ?? chain.members.digest, support: support.digest,
            roots: work.roots(parent: chain.head.roots, manifest: manifest))
        return EmbeddedPayload(
            payload: Ledger.Payload(version: version, support: support), ready: ready, closings: closings,
            availability: listed.compactMap { availability[$0] }, action: action)
    }

    private func switchPayload(
        to roots: StateRoots, _ ready: [Signed<Ready>], _ chain: Chain
    ) -> EmbeddedPayload {
        let support = Support(ready: ready.map(\.objectDigest))
        let version = Version(
            network: chain.network, height: chain.nextHeight, parent: chain.headDigest, manifest: [],
            action: chain.switchAction(to: roots).digest, rules: chain.rules.digest, members: chain.members.digest,
            support: support.digest, roots: roots)
        return EmbeddedPayload(
            payload: Ledger.Payload(version: version, support: support), ready: ready, availability: [])
    }

    private func certificate(of slot: Slot) -> AvailabilityCertificate? {
        guard let (vote, signatures) = coalition.certifiable(slot).first else { return nil }
        let chosen = signatures.keys.sorted().prefix(coalition.members.quorum)
        return AvailabilityCertificate(
            vote: vote,
            signatures: QuorumSignatures(
                signatures.filter { chosen.contains($0.key) }, memberCount: coalition.members.count))
    }

    /// In the newest views of the height: notarized and finalized at once, whatever others do.
    private func vote(_ position: Int, _ site: Site, _ chain: Chain) {
        let proposals = coalition.proposals[chain.nextHeight.value] ?? [:]
        for view in proposals.keys.sorted().suffix(2) {
            for proposal in proposals[view] ?? [] where coalition.plan?.wants(proposal.body.version) ?? false {
                for kind in [VoteKind.notarize, .finalize] {
                    let vote = Vote(
                        kind: kind, height: chain.nextHeight, view: View(view), version: proposal.body.version)
                    let said = Coalition.Said(colluder: position, vote: vote)
                    guard coalition.plan?.votes.insert(said).inserted == true else { continue }
                    spread(ForgedMessage.votes(single(vote, by: position)), from: site)
                }
            }
        }
    }
}
