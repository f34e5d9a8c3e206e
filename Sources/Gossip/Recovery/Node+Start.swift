import Crypto
import Ledger
import Link

/// The question of every start: what of this node's signatures do others hold, and how far are they? Nothing is signed
/// before as many have answered as a quorum takes besides this node, and their heights are adopted here: so a journal
/// that was lost unnoticed can at most concern the two heights that follow (protocol.md "Lost or rolled-back journal").
extension Node {
    /// Whether anything may be signed at `height` (of a contribution or availability vote: the one after its base's).
    func maySign(at height: Height) -> Bool {
        !isStopped && recovery.isOpen && !abstains(at: height)
    }

    /// Whether a life whose journal is gone may have signed at `height`.
    func abstains(at height: Height) -> Bool {
        recovery.isLost || recovery.abstainsUntil.map { height <= $0 } ?? false
    }

    func ask(_ link: LinkID, forPassingOn: Bool = false) { send(.question(question(forPassingOn)), to: link) }

    private func question(_ isForPassingOn: Bool) -> StartQuestion {
        StartQuestion(member: identity.member, instance: recovery.instance, isForPassingOn: isForPassingOn)
    }

    /// Asks again at a tick, by now also whom this node cannot reach itself.
    func askAgainAtTick() {
        guard !isStopped, !recovery.isOpen || recovery.isAbstaining(at: chain.height) else { return }
        send(.question(question(!recovery.isOpen || recovery.isLost)), to: .all())
    }

    /// Answers that can be relied on here: of other members of the set that follows the head, whose versions are
    /// adopted here. A report of versions that nobody has does not count, so it cannot hold this node up either.
    func answers(_ standings: Set<StartReport.Standing>) -> Int {
        guard !recovery.answers.isEmpty else { return 0 }
        return chain.members.members.count { member in
            guard member.id != identity.member, let answer = recovery.answers[member.id] else { return false }
            return standings.contains(answer.standing) && answer.height <= chain.height
        }
    }

    /// With how many answers this node may sign: together with it they are a quorum.
    var answersNeeded: Int { chain.members.quorum - 1 }

    /// Goes on with the start or the recovery as far as the answers allow.
    func advanceRecovery() {
        if !recovery.isOpen, recovery.answers.count >= answersNeeded, answers([.starting, .settled]) >= answersNeeded {
            open()
        }
        if recovery.isLost { fixAbstention() }
    }

    /// From here on this node signs, unless it abstains.
    private func open() {
        recovery.isOpen = true
        if height.viewStarted != nil { height.restartViewTimer(at: now) }
        signWhatWaited()
        pacing.progressed = true
    }

    /// Availability votes and contributions that could not be signed before.
    func signWhatWaited() {
        let waiting = recovery.waiting
        recovery.waiting = []
        for contribution in waiting { contribute(contribution) }
        for digest in contributions.order { continueCandidate(digest) }
    }

    // MARK: - The asking side

    func received(_ report: Signed<StartReport>, from link: LinkID) {
        let body = report.body
        guard body.member == identity.member else { return passOn(report, from: link) }
        guard isWorthChecking(report, from: link) else { return }
        // The same comes again and again while this node asks.
        let isKnown = recovery.answers[report.signer] == body
        guard isKnown || report.isValid(in: chain.members, network: chain.network, verifier: verifier) else {
            // A signer at another height may sign with the key that another set knows.
            if links[link]?.member == report.signer, body.height == chain.height { cutOff(link, .invalidSignature) }
            return
        }
        recovery.answers[report.signer] = body
        // Whoever passed it on could check the report's own signature alone.
        chargingFailures(to: report.signer) {
            notice(own: body.statements)
            // Also where its payload is still far away: it says that nothing more is to be decided at this height.
            if let certificate = body.certificate, certificate.vote.height == height.height, height.decided == nil,
                certificate.isValid(members: height.members, network: chain.network, verifier: verifier)
            {
                accept(certificate.trimmed(to: height.members), from: link)
            }
        }
        let duplicated = chain.members.members.count { recovery.answers[$0.id]?.hasDuplicateInstance ?? false }
        if duplicated > chain.members.faultBound, !ignoresDuplicateInstances { raise(.secondInstance) }
        pacing.progressed = true
    }

    // MARK: - The answering side

    func received(_ question: StartQuestion, from link: LinkID) {
        guard question.member != identity.member, chain.members[question.member] != nil,
            let asker = links[link]?.member, let key = identity.key(in: chain.members)
        else { return }
        if asker == question.member {
            recovery.instances[asker, default: InstanceLog()].note(question.instance)
            links.update(link) {
                if $0.instance != question.instance { $0.passingsAsked = 0 }
                $0.instance = question.instance
            }
        }
        if let last = links[link]?.startAnswers[question.member], now.since(last) < timing.antiEntropyInterval / 4 {
            return
        }
        links.update(link) { $0.startAnswers[question.member] = now }
        effects.append(.send(link, report(to: question, by: key)))
        guard question.isForPassingOn, asker == question.member else { return }
        let passed = StartQuestion(member: question.member, instance: question.instance, isForPassingOn: false)
        links.update(link) { $0.passingsAsked += 1 }
        // To those that have no link to the asker. A link may also stand and bring nothing: after a while to everybody.
        if let asked = links[link]?.passingsAsked, asked > StartQuestion.passingsToTheUnlinked {
            send(.question(passed), to: .all(except: link))
        } else {
            send(.question(passed), to: .unreached(by: question.member, from: link))
        }
    }

    /// As a message.
    private func report(to question: StartQuestion, by key: SigningKey) -> [UInt8] {
        let standing: StartReport.Standing =
            if isStopped || recovery.isAbstaining(at: chain.height) { .recovering } else if recovery.isOpen {
                .settled
            } else { .starting }
        let hasDuplicateInstance = recovery.instances[question.member]?.hasDuplicateInstance(question.instance) ?? false
        if let given = recovery.given[question.member], now.since(given.made) < timing.antiEntropyInterval / 4,
            given.report.isAnswer(to: question, standing, at: chain.height, hasDuplicateInstance: hasDuplicateInstance)
        {
            return given.message
        }
        let report = StartReport(
            member: question.member, instance: question.instance, standing: standing, height: chain.height,
            certificate: headVersion?.certificate, hasDuplicateInstance: hasDuplicateInstance,
            statements: statementsHeld(of: question.member))
        let message = Message.report(sign(report, by: key)).encoded
        recovery.given[question.member] = GivenReport(report: report, message: message, made: now)
        return message
    }

    /// Whether this node would take the report, or pass it on, if its signature is valid.
    func isWorthChecking(_ report: Signed<StartReport>, from source: LinkID) -> Bool {
        let body = report.body
        guard chain.members[report.signer] != nil else { return false }
        if body.member == identity.member {
            return body.instance == recovery.instance && report.signer != identity.member
        }
        return links[source]?.member == report.signer
            && links.link(to: body.member).map { links[$0]?.instance == body.instance } ?? false
    }

    /// Of whoever asked on its own link, the answers of those that it cannot reach; of each one now and then.
    ///
    /// Each answers on the link that the question came by, so a report comes here from its signer itself. From anybody
    /// else it may be forged, and would take the turn of the real one. One that is not signed is not passed on either:
    /// the asker would charge it to this node.
    private func passOn(_ report: Signed<StartReport>, from source: LinkID) {
        guard isWorthChecking(report, from: source), let link = links.link(to: report.body.member) else { return }
        if let last = links[link]?.passedReports[report.signer], now.since(last) < timing.antiEntropyInterval / 4 {
            return
        }
        guard report.isValid(in: chain.members, network: chain.network, verifier: verifier) else { return }
        links.update(link) { $0.passedReports[report.signer] = now }
        send(.report(report), to: link)
    }
}
