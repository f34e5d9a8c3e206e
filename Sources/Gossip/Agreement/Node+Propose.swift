import Crypto
import Ledger

extension Node {
    /// The leader of the current view proposes once: what was notarized last if the chain of nullifications reaches
    /// back to it, else a fresh payload.
    func proposeIfLeading() {
        let view = height.view
        guard let index = selfIndex, height.leader(of: view) == index, !height.own.proposed.contains(view),
            height.decided == nil, !isStopped
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
        guard height.ready.count >= height.members.quorum else { return }
        let ready = recordsToEmbed
        let slots = chain.slotsToList(by: ready.map(\.body))
        var availability: [Slot: AvailabilityCertificate] = [:]
        for slot in slots { availability[slot] = contributions.slots[slot]?.certificate }
        guard let manifest = chain.manifest(listing: slots, availability: availability),
            manifest.allSatisfy({ contributions[$0.contribution]?.status == .valid })
        else { return }
        guard let roots = averagedRoots(of: manifest) else { return }
        let support = Support(ready: ready.map(\.objectDigest))
        let version = Version(
            network: chain.network, height: height.height, parent: chain.headDigest, manifest: manifest, action: nil,
            rules: chain.rules.digest, members: chain.members.digest, support: support.digest, roots: roots)
        let payload = Payload(version: version, support: support)
        let digest = version.versionDigest
        height.payloads[digest] = payload
        height.verdicts[digest] = .valid
        guard let embedded = embedded(payload) else { return }
        propose(version: digest, embedded: embedded, reproposed: .none)
    }

    /// The quorum of ready records that names most: ties go to the lower index, so that a leader's choice is fixed.
    private var recordsToEmbed: [Signed<Ready>] {
        height.ready.sorted { left, right in
            let (a, b) = (left.value.body.slots.count, right.value.body.slots.count)
            return a != b ? a > b : left.key < right.key
        }
        .prefix(height.members.quorum).map(\.value)
        .sorted { $0.objectDigest < $1.objectDigest }
    }

    private func propose(version: VersionDigest, embedded: EmbeddedPayload, reproposed: View) {
        let view = height.view
        height.own.proposed.insert(view)
        let proposal = Signed(
            Proposal(height: height.height, view: view, version: version, reproposed: reproposed),
            signer: identity.member, key: identity.nodeKey, network: chain.network)
        persist(
            [.proposal(proposal), .payload(embedded)], then: [.ownProposal(proposal, embedded.payload)])
    }

    func ownProposalIsDurable(_ proposal: Signed<Proposal>, _ payload: Payload) {
        guard proposal.body.height == height.height else { return }
        keep(proposal)
        broadcast(.proposal(proposal))
        broadcast(.payload(payload))
        for entry in payload.version.manifest {
            if let certificate = contributions.certificates[entry.availability] { broadcast(.acks(certificate)) }
        }
        emit(.proposed(height.height, proposal.body.view, proposal.body.version))
    }

    func received(_ proposal: Signed<Proposal>, from link: LinkID) {
        let body = proposal.body
        guard body.height == height.height, height.decided == nil, body.view >= height.view,
            body.view.value <= height.view.value + HeightState.viewWindow,
            height.members.index(of: proposal.signer) == height.leader(of: body.view),
            (height.views[body.view]?.proposals.count ?? 0) < 2,
            !(height.views[body.view]?.proposals.contains { $0.body == body } ?? false)
        else { return }
        guard proposal.isValid(in: height.members, network: chain.network, verifier: verifier) else {
            cutOff(link, .invalidSignature)
            return
        }
        keep(proposal)
    }

    func keep(_ proposal: Signed<Proposal>) {
        height.views[proposal.body.view, default: ViewState()].proposals.append(proposal)
        pacing.idleTicks = 0
        pacing.progressed = true
    }

    func received(_ payload: Payload) {
        let digest = payload.version.versionDigest
        guard payload.version.height == height.height, height.payloads[digest] == nil, height.isKnownProposal(digest)
        else { return }
        height.payloads[digest] = payload
        pacing.progressed = true
    }
}
