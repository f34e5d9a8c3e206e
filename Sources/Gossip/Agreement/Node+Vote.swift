import Crypto
import Ledger
import Link

extension Node {
    /// Votes that came in, one or many; a quorum in one message is a certificate as it stands.
    func received(_ votes: VoteCertificate, from link: LinkID) {
        let vote = votes.vote
        guard votes.network == chain.network, vote.height == height.height, height.decided == nil,
            votes.signatures.fits(height.members)
        else { return }
        let isWholeCertificate = votes.signatures.signatures.count >= height.members.quorum
        guard isWholeCertificate || vote.view.value <= height.view.value + ConsensusInstance.viewWindow else { return }
        let state = height.views[vote.view] ?? ViewState()
        if vote.kind == .notarize, state.notarization != nil { return }
        if vote.kind == .nullify, state.nullification != nil { return }
        for (index, signature) in votes.signatures.byIndex {
            if !isWholeCertificate, state.tally(vote.kind).contains(index) { continue }
            let signed = Signed(signer: height.members.members[index].id, body: vote, signature: signature)
            guard signed.isValid(in: height.members, network: chain.network, verifier: verifier) else {
                cutOff(link, .invalidSignature)
                return
            }
        }
        if isWholeCertificate {
            accept(votes.trimmed(to: height.members), from: link)
        } else {
            var fresh: [Int: Signature] = [:]
            for (index, signature) in votes.signatures.byIndex where count(vote, index, signature) {
                fresh[index] = signature
            }
            relayVotes(vote, fresh, from: link)
        }
    }

    /// A certificate that they completed was passed on already, and says more.
    private func relayVotes(_ vote: Vote, _ fresh: [Int: Signature], from link: LinkID) {
        guard let state = height.views[vote.view], height.decided == nil else { return }
        if vote.kind == .notarize, state.notarization != nil { return }
        if vote.kind == .nullify, state.nullification != nil { return }
        sendOnward(fresh, of: height.members, from: link) { [height, chain] signatures in
            .votes(
                VoteCertificate(
                    network: chain.network, vote: vote,
                    signatures: QuorumSignatures(signatures, memberCount: height.members.count)))
        }
    }

    /// Adds one valid vote to its tally, and makes a certificate of a quorum. False where it is here already.
    @discardableResult
    func count(_ vote: Vote, _ index: Int, _ signature: Signature) -> Bool {
        guard height.views[vote.view, default: ViewState()].insert(vote, index, signature) else { return false }
        pacing.progressed = true
        guard let signatures = height.views[vote.view]?.tally(vote.kind).byVersion[vote.version],
            signatures.count >= height.members.quorum
        else { return true }
        accept(
            VoteCertificate(
                network: chain.network, vote: vote,
                signatures: QuorumSignatures(signatures, memberCount: height.members.count)), from: nil)
        return true
    }

    /// A valid certificate, formed here or received: kept, and passed on once.
    func accept(_ certificate: VoteCertificate, from link: LinkID?) {
        switch certificate.vote.kind {
        case .notarize, .nullify: guard height.keep(certificate) else { return }
        case .finalize:
            guard height.decided == nil else { return }
            height.decided = certificate
            let view = certificate.vote.view
            if height.views[view] == nil { height.views[view] = ViewState() }
            emit(.certified(height.height, view))
            noteDecision(in: view)
        }
        send(.votes(certificate), to: .sample(except: link))
        pacing.progressed = true
    }

    /// Only the deciding view counts: views that failed before it say nothing of how long an agreement takes. No sample
    /// counts for more than the timer of view 1, so that slow leaders, of which at most a third are faulty, cannot
    /// raise that timer without limit.
    private func noteDecision(in view: View) {
        guard let entered = height.entered[view] else { return }
        let took = min(now.since(entered), firstViewMilliseconds)
        pacing.decisionMilliseconds =
            pacing.decisionMilliseconds == 0 ? took : (3 * pacing.decisionMilliseconds + took) / 4
    }

    /// Votes for the first proposal of the current view that is justified and valid; against it where it is provably
    /// invalid.
    func notarizeIfJustified() {
        let view = height.view
        guard selfIndex != nil, height.decided == nil, height.own.notarized[view] == nil, maySign(at: height.height)
        else { return }
        for proposal in height.views[view]?.proposals ?? [] {
            let body = proposal.body
            switch justification(of: body) {
            case .lacking(let items): fetch(items)
            case .wrong: nullify(view)
            case .holds:
                let isValid: Bool
                if body.reproposed == .none {
                    guard let validation = validation(of: body.version) else { continue }
                    isValid = validation == .valid
                } else {
                    // A notarized payload was judged by a quorum and is never judged again; it must only be here.
                    isValid = true
                }
                guard isValid else {
                    nullify(view)
                    continue
                }
                guard let payload = height.payloads[body.version] else {
                    fetch([.payload(body.version)])
                    continue
                }
                guard let embedded = embedded(payload) else { continue }
                height.own.notarized[view] = body.version
                cast(
                    Vote(kind: .notarize, height: height.height, view: view, version: body.version),
                    relyingOn: [height.entry].compactMap { $0 }, payload: embedded)
                return
            }
        }
    }

    private enum Justification {
        case holds
        case wrong
        case lacking([FetchItem])
    }

    /// notarization(p) for the same payload, and nullification(u) for every p < u < v.
    private func justification(of proposal: Proposal) -> Justification {
        var lacking: [FetchItem] = []
        if proposal.reproposed != .none {
            if let notarization = height.views[proposal.reproposed]?.notarization {
                guard notarization.vote.version == proposal.version else { return .wrong }
            } else {
                lacking.append(.notarization(proposal.reproposed))
            }
        }
        for view in (proposal.reproposed.value + 1..<proposal.view.value).map({ View($0) })
        where height.views[view]?.nullification == nil {
            lacking.append(.nullification(view))
        }
        return lacking.isEmpty ? .holds : .lacking(Array(lacking.prefix(Wire.fetchItemsMaximum)))
    }

    /// Finalizes what was notarized in a view, unless this node gave that view up.
    func finalizeIfNotarized() {
        guard selfIndex != nil, height.decided == nil, maySign(at: height.height) else { return }
        for view in height.notarized.sorted() {
            guard let notarization = height.views[view]?.notarization, height.own.finalized[view] == nil,
                !height.own.nullified.contains(view)
            else { continue }
            height.own.finalized[view] = notarization.vote.version
            cast(
                Vote(kind: .finalize, height: height.height, view: view, version: notarization.vote.version),
                relyingOn: [height.entry, notarization].compactMap { $0 })
        }
    }

    /// Gives a view up, unless this node finalized in it.
    func nullify(_ view: View) {
        guard selfIndex != nil, height.decided == nil, maySign(at: height.height), !height.own.nullified.contains(view),
            height.own.finalized[view] == nil
        else { return }
        height.own.nullified.insert(view)
        cast(.nullify(height: height.height, view: view), relyingOn: [height.entry].compactMap { $0 })
    }

    private func cast(_ vote: Vote, relyingOn certificates: [VoteCertificate], payload: EmbeddedPayload? = nil) {
        let signed = sign(vote, by: ownKey)
        var entries: [JournalEntry] = certificates.map { .certificate($0) }
        if let payload { entries.append(.payload(payload)) }
        persist(entries + [.vote(signed)], then: [.ownVote(signed)])
        pacing.progressed = true
    }

    func ownVoteIsDurable(_ signed: Signed<Vote>) {
        guard signed.body.height == height.height, let index = selfIndex else { return }
        count(signed.body, index, signed.signature)
        send(
            .votes(
                VoteCertificate(
                    network: chain.network, vote: signed.body,
                    signatures: QuorumSignatures([index: signed.signature], memberCount: height.members.count))),
            to: .all())
    }
}
