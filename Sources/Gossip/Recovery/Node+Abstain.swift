import Crypto
import Ledger

/// A node without its journal might contradict what it signed before. It signs nothing at the heights at which it may
/// have signed: those up to h + 2, h being what a quorum of others has adopted at the least. Whoever signs at a height
/// has adopted the one before, and a quorum had finalized that one, each of them after adopting the one before it; of
/// any quorum of others one honest member was among those.
extension Node {
    /// A signature of this node came back. One that the books lack was made by a life whose journal is gone, or by
    /// another daemon with this key.
    ///
    /// - Returns: false if the signature is forged.
    @discardableResult
    func notice(own statement: SignedStatement) -> Bool {
        guard !ignoresDuplicateInstances else { return true }
        let abstainsUntil = recovery.isFixedInThisLife ? recovery.abstainsUntil : nil
        // The signature, which is dear to check, comes last: a node that lost its journal meets its own again and
        // again.
        guard !isStopped, abstainsUntil.map({ statement.height > $0 }) ?? !recovery.isLost, isLacking(statement),
            maySign(statement, with: identity.nodeKey.verifyingKey)
        else { return true }
        guard
            statement.isSigned(
                by: identity.member, key: identity.nodeKey.verifyingKey, network: chain.network, verifier: verifier)
        else { return false }
        if abstainsUntil != nil {
            raise(.secondInstance)
        } else {
            beginRecovery(.signatureReturned(statement.height))
        }
        return true
    }

    /// Own statements that one message brings, up to the first that is forged: of hundreds of them one costs a check.
    func notice(own statements: [SignedStatement]) {
        for statement in statements where !notice(own: statement) { return }
    }

    /// Whether the set of the statement's height knows this key; true where that set is not known here. What a key of
    /// before a rotation signed comes back in good faith and is not worth a check.
    private func maySign(_ statement: SignedStatement, with key: VerifyingKey) -> Bool {
        guard let members = chain.history.members(of: statement.height), let own = members[identity.member] else {
            return true
        }
        return own.nodeKey == key
    }

    /// Signs nothing from now on, which a crash does not undo, and asks everybody how far they are.
    func beginRecovery(_ loss: JournalLoss) {
        recovery.isLost = true
        recovery.isFixing = false
        recovery.isFixedInThisLife = false
        recovery.abstainsUntil = nil
        emit(.journalLost(loss))
        persist([.abstention(Abstention(until: nil))], then: [])
        refuseWhatWaited()
        for link in links.order { ask(link, forPassingOn: true) }
        pacing.progressed = true
    }

    /// An operator says that the state came from a backup. What others said since this start stays true: they had
    /// adopted at least that much, and what is lost was signed before it.
    func recover() {
        guard !isStopped, !recovery.isLost else { return }
        beginRecovery(.declared)
    }

    /// Once a quorum of other members of the set that follows the highest certificate has said how far it is.
    func fixAbstention() {
        guard !recovery.isFixing, answers([.settled]) >= chain.members.quorum, !isBehindAnAnswer else { return }
        recovery.isFixing = true
        let abstention = Abstention(until: chain.height.next.next)
        persist([.abstention(abstention)], then: [.abstention(abstention)])
    }

    /// Whether an answer carries a valid certificate of a version that is not adopted here yet. One that cannot be
    /// checked yet, for want of its member set, is not waited for: whoever sent it does not count before.
    private var isBehindAnAnswer: Bool {
        recovery.answers.values.contains { answer in
            guard answer.height > chain.height, let certificate = answer.certificate else { return false }
            return certificate.isValid(members: chain.members, network: chain.network, verifier: verifier)
        }
    }

    func abstentionIsDurable(_ abstention: Abstention) {
        guard recovery.isLost, recovery.isFixing, let until = abstention.until else { return }
        recovery.isLost = false
        recovery.isFixing = false
        recovery.isFixedInThisLife = true
        recovery.abstainsUntil = until
        emit(.abstaining(until))
    }

    /// What the journal says: the last word counts. One that ended is over.
    func restore(_ abstention: Abstention) {
        recovery.isLost = abstention.until == nil
        recovery.abstainsUntil = abstention.until
        recovery.isFixedInThisLife = abstention.until.map { $0 > chain.height } ?? false
    }

    // MARK: - Contributions meanwhile

    /// Whether the contribution has to wait, or is refused, because nothing is signed at its height for now.
    func defersWhileAbstaining(_ contribution: Contribution) -> Bool {
        guard !isStopped, !maySign(at: contribution.baseHeight.next) else { return false }
        if recovery.isAbstaining(at: contribution.baseHeight) || recovery.waiting.count >= RecoveryState.waitingMaximum
        {
            refuse(contribution)
        } else {
            recovery.waiting.append(contribution)
        }
        return true
    }

    private func refuseWhatWaited() {
        for contribution in recovery.waiting { refuse(contribution) }
        recovery.waiting = []
    }

    private func refuse(_ contribution: Contribution) {
        emit(
            .contributionRefused(
                contribution.contributionDigest, author: contribution.author, refusal: "recovering"))
    }
}
