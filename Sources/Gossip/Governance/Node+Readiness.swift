import Crypto
import Ledger

extension Node {
    /// Says that this node is ready for the sets that signed actions would give, where it stands in them: with the key
    /// that the resulting set knows, so a newcomer and a rotated key say so as well.
    func signReadinessIfDue() {
        guard !isStopped, !governance.actions.isEmpty, !isBehind, !synchronisation.isActive else { return }
        for digest in governance.digests {
            guard let pending = governance[digest], let statement = pending.readinessStatement,
                let members = pending.resultingMembers, pending.isSupported(on: chain),
                let index = members.index(of: identity.member), pending.readiness[index] == nil,
                let key = identity.key(in: members)
            else { continue }
            let signature = statement.signature(by: key, network: chain.network)
            governance.update(digest) { $0.readiness[index] = signature }
            let own = QuorumSignatures([index: signature], memberCount: members.count)
            send(.readiness(statement, own), to: .all())
            pacing.progressed = true
        }
        announceComplete()
    }

    /// Whether more members than may lie say that they are ahead: readiness is about the present head.
    private var isBehind: Bool {
        let ahead = links.order.count { link in
            guard let peer = links[link], peer.claimedHeight > chain.height else { return false }
            return chain.members.index(of: peer.member) != nil
        }
        return ahead > chain.members.faultBound
    }

    func received(_ statement: Readiness, _ signatures: QuorumSignatures, from link: LinkID) {
        guard let pending = governance[statement.action], pending.readinessStatement == statement,
            let members = pending.resultingMembers, signatures.fits(members)
        else { return }
        var fresh: [Int: Signature] = [:]
        for (index, signature) in signatures.byIndex where pending.readiness[index] == nil {
            let signed = Signed(signer: members.members[index].id, body: statement, signature: signature)
            guard signed.isValid(in: members, network: chain.network, verifier: verifier) else {
                cutOff(link, .invalidSignature)
                return
            }
            fresh[index] = signature
        }
        guard !fresh.isEmpty else { return }
        governance.update(statement.action) { $0.readiness.merge(fresh) { kept, _ in kept } }
        send(.readiness(statement, QuorumSignatures(fresh, memberCount: members.count)), to: .onward(from: link))
        announceComplete()
        pacing.progressed = true
    }

    private func announceComplete() {
        for digest in governance.digests {
            guard let pending = governance[digest], !pending.isAnnouncedComplete,
                pending.nameable(on: chain) != nil
            else { continue }
            governance.update(digest) { $0.isAnnouncedComplete = true }
            emit(.proposalComplete(pending.action))
        }
    }
}

extension NodeIdentity {
    /// The node key that `members` knows of this member, if this node holds it: a rotation changes it from one set to
    /// the next, and what was signed for an older set stays that set's.
    func key(in members: MemberSet) -> SigningKey? {
        members.index(of: member).flatMap { key(knownAs: members.members[$0].nodeKey) }
    }

    func key(knownAs known: VerifyingKey) -> SigningKey? {
        if nodeKey.verifyingKey == known { return nodeKey }
        return nextNodeKey?.verifyingKey == known ? nextNodeKey : nil
    }
}
