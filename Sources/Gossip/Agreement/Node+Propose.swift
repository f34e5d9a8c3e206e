import Crypto
import Ledger

extension Node {
    /// The leader of the current view proposes once: what was notarized last if the chain of nullifications reaches
    /// back to it, else a fresh payload.
    func proposeIfLeading() {
        let view = height.view
        guard let index = selfIndex, height.leader(of: view) == index, !height.own.proposed.contains(view),
            height.decided == nil, maySign(at: height.height)
        else { return }
        switch reach(back: view) {
        case .notarized(let earlier, let version):
            guard let payload = height.payloads[version] else {
                fetch([.payload(version)])
                return
            }
            guard let embedded = embedded(payload) else { return }
            propose(version: version, embedded: embedded, reproposed: earlier)
        case .fresh: proposeFresh()
        case .lacking(let views): fetch(views.flatMap { [.notarization($0), .nullification($0)] })
        }
    }

    enum Reach {
        case notarized(View, VersionDigest)
        case fresh
        /// Views below with neither certificate here.
        case lacking([View])
    }

    /// Back from `view`: the last notarized view that is separated from it by nullifications only.
    func reach(back view: View) -> Reach {
        var lacking: [View] = []
        for earlier in stride(from: view.value, to: 1, by: -1).map({ View($0 - 1) }) {
            guard let state = height.views[earlier], state.exit != nil else {
                lacking.append(earlier)
                continue
            }
            guard let notarization = state.notarization else { continue }
            return lacking.isEmpty ? .notarized(earlier, notarization.vote.version) : .lacking(lacking)
        }
        return lacking.isEmpty ? .fresh : .lacking(lacking)
    }

    private func proposeFresh() {
        guard let ready = recordsToEmbed else { return }
        if let roots = chain.rootsToSwitch(by: ready.map(\.body)) {
            let support = Support(ready: ready.map { height.name(of: $0) })
            proposeFresh(Payload(version: switchVersion(to: roots, support: support), support: support))
            return
        }
        let slots = chain.slotsToList(by: ready.map(\.body))
        var availability: [Slot: AvailabilityCertificate] = [:]
        var records: [ContributionDigest: Contribution] = [:]
        for slot in slots {
            guard let certificate = contributions.slots[slot]?.certificate else { return }
            availability[slot] = certificate
            records[certificate.vote.contribution] = contributions[certificate.vote.contribution]?.contribution
        }
        guard let manifest = chain.manifest(listing: slots, availability: availability, contributions: records),
            manifest.allSatisfy({ contributions[$0.contribution]?.status == .valid })
        else { return }
        guard let closings = closings(for: manifest.map { (slot: $0.slot, contribution: $0.contribution) }),
            let roots = averagedRoots(of: manifest)
        else { return }
        let names = closings.map(\.names)
        for closing in names { commitments.closings[closing.digest] = closing }
        var action: CompleteAction?
        if let digest = chain.actionToCarry(by: ready.map(\.body)) {
            action = governance[digest]?.complete(on: chain)
            guard action != nil else {
                fetch([.proposal(digest)])
                return
            }
        }
        let outcome = action.flatMap { try? chain.outcome(of: $0.action) }
        let support = Support(
            ready: ready.map { height.name(of: $0) }, closings: names.map(\.digest), action: action?.objectDigest)
        let version = Version(
            network: chain.network, height: height.height, parent: chain.headDigest, manifest: manifest,
            action: action?.action.digest, rules: (outcome?.rules ?? chain.rules).digest,
            members: (outcome?.members ?? chain.members).digest,
            support: support.digest, roots: roots)
        if let action { height.actions[action.objectDigest] = action }
        proposeFresh(Payload(version: version, support: support))
    }

    private func proposeFresh(_ payload: Payload) {
        let digest = payload.version.versionDigest
        height.payloads[digest] = payload
        height.validations[digest] = .valid
        guard let embedded = embedded(payload) else { return }
        propose(version: digest, embedded: embedded, reproposed: .none)
    }

    private func propose(version: VersionDigest, embedded: EmbeddedPayload, reproposed: View) {
        let view = height.view
        height.own.proposed.insert(view)
        let proposal = sign(
            Proposal(height: height.height, view: view, version: version, reproposed: reproposed), by: ownKey)
        persist(
            [.proposal(proposal), .payload(embedded)], then: [.ownProposal(proposal, embedded.payload)])
    }

    func ownProposalIsDurable(_ proposal: Signed<Proposal>, _ payload: Payload) {
        guard proposal.body.height == height.height else { return }
        keep(proposal)
        send(.proposal(proposal), to: .all())
        send(.payload(payload), to: .all())
        for closing in payload.support.closings.compactMap({ commitments.closings[$0] }) {
            send(.closing(closing), to: .all())
        }
        if let action = payload.support.action.flatMap({ height.actions[$0] }) { send(.carried(action), to: .all()) }
        for entry in payload.version.manifest {
            if let certificate = contributions.certificates[entry.availability] {
                send(.availability(certificate), to: .all())
            }
        }
        emit(.proposed(height.height, proposal.body.view, proposal.body.version))
    }

    func received(_ proposal: Signed<Proposal>, from link: LinkID) {
        let body = proposal.body
        guard body.height == height.height, height.decided == nil, body.view >= height.view,
            body.view.value <= height.view.value + ConsensusInstance.viewWindow,
            height.members.index(of: proposal.signer) == height.leader(of: body.view),
            (height.views[body.view]?.proposals.count ?? 0) < 2,
            !(height.views[body.view]?.proposals.contains { $0.body == body } ?? false)
        else { return }
        guard proposal.isValid(in: height.members, network: chain.network, verifier: verifier) else {
            cutOff(link, .invalidSignature)
            return
        }
        keep(proposal)
        send(.proposal(proposal), to: .unreached(by: proposal.signer, from: link))
    }

    func keep(_ proposal: Signed<Proposal>) {
        height.views[proposal.body.view, default: ViewState()].proposals.append(proposal)
        pacing.idleTicks = 0
        pacing.progressed = true
    }

    func received(_ payload: Payload, from link: LinkID) {
        let digest = payload.version.versionDigest
        guard payload.version.height == height.height, height.payloads[digest] == nil, height.isKnownProposal(digest)
        else { return }
        guard height.validations[digest] != .invalid else { return }
        pacing.progressed = true
        if let proposer = proposer(of: digest) { send(.payload(payload), to: .unreached(by: proposer, from: link)) }
        // One that is invalid whatever its parts are is not kept: what it names would be kept too.
        if let fault = faultOfShape(payload) {
            refuse(payload, nil, fault)
        } else {
            height.payloads[digest] = payload
        }
    }

    /// Who proposed a version in the latest view.
    private func proposer(of version: VersionDigest) -> MemberID? {
        for view in height.views.keys.sorted().reversed() {
            if let proposal = height.views[view]?.proposals.first(where: { $0.body.version == version }) {
                return proposal.signer
            }
        }
        return nil
    }
}
