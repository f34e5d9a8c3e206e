import Control
import Crypto
import Gossip
import Ledger

/// Proposals: what people ask and hand over.
extension ControlServer {
    func answerGovernance(_ id: Int64, _ parameters: GovernanceRequest, _ connection: ControlConnection) {
        let subject: GovernanceSubject
        switch (parameters.subject, parameters.member) {
        case (.member, let member?): subject = .member(MemberID(digest(member)))
        case (.rules, nil): subject = .rules
        case (.history, nil): subject = .history
        case (.member, nil), (.rules, _), (.history, _):
            return connection.refuse(
                id, ControlRefusal(.invalidParameters, message: "member stands with the subject member, and only there")
            )
        }
        connection.answer(
            id, to: GovernanceRequest.self,
            GovernanceState(
                network: text(chain.network), site: text(driver.node.identity.member),
                height: Int64(clamping: chain.nextHeight.value),
                sequence: Int64(clamping: chain.governance.nextSequence(about: subject)), rules: record(chain.rules)))
    }

    func answerProposalSubmit(_ id: Int64, _ parameters: ProposalSubmit, _ connection: ControlConnection) {
        func refuse(_ words: String) {
            connection.refuse(id, ControlRefusal(.invalidAction, message: "the action \(words)"))
        }
        let signed: SignedGovernanceAction
        do throws(RecordError) {
            signed = try SignedGovernanceAction(encoded: parameters.proposal.bytes)
        } catch {
            return refuse("is not a valid record: \(error)")
        }
        do throws(ActionFault) {
            let outcome = try outcomeWhenDue(of: signed.action)
            if !(parameters.isCheck && signed.operators.isEmpty), let refusal = driver.node.refusal(of: signed) {
                return refuse(words(refusal))
            }
            let answer = ProposalChecked(
                action: text(signed.action.digest), words: signed.action.change.words(chain.members, chain.rules),
                before: figures(chain.members, chain.rules), after: figures(outcome.members, outcome.rules),
                signed: names(
                    Set(signed.operators.map(\.signer)).union(pending(signed.action.digest)?.operators ?? [])),
                operatorsNeeded: Int64(chain.rules.operatorsNeeded(memberCount: chain.members.count)))
            if !parameters.isCheck {
                driver.logger.notice("handed over: proposal \(signed.action.digest.short), to \(answer.words)")
                driver.feed(.govern(signed))
            }
            connection.answer(id, to: ProposalSubmit.self, answer)
        } catch {
            refuse(error.words(chain.members))
        }
    }

    /// What the action would do; one whose time is yet to come is judged as if it were due.
    private func outcomeWhenDue(of action: GovernanceAction) throws(ActionFault) -> ActionOutcome {
        guard action.first > chain.nextHeight else { return try chain.outcome(of: action) }
        return try chain.outcome(
            of: GovernanceAction(
                change: action.change, sequence: action.sequence, first: chain.nextHeight, last: action.last))
    }

    func words(_ refusal: GovernanceRefusal) -> String {
        func name(_ id: MemberID) -> String { chain.members[id]?.name ?? id.short }
        return switch refusal {
        case .fault(let fault): fault.words(chain.members)
        case .unsigned: "has no operator's signature"
        case .tooManyPending(let id):
            "is one more than \(name(id)) may have pending; take one back with: meshctl proposal withdraw DIGITS"
        case .judged(let id):
            "was withdrawn or rejected by \(name(id)) before, which is final; propose it again to sign it"
        case .notSigned(let id): "is not signed by \(name(id)); to sign against it: meshctl proposal reject DIGITS"
        case .slotClosed, .alreadyReviewed: "cannot be taken"
        }
    }

    func answerProposals(_ id: Int64, _ parameters: ProposalsRequest, _ connection: ControlConnection) {
        let all = driver.node.report(now: driver.now).proposals.filter { !$0.isClosed }
        let after = parameters.after.map { digest($0) }
        let page = all.filter { proposal in after.map { $0 < proposal.digest } ?? true }
        connection.answer(
            id, to: ProposalsRequest.self,
            ProposalsResponse(
                height: Int64(clamping: chain.nextHeight.value),
                proposals: page.prefix(Int(clamping: parameters.count)).compactMap { summary(of: $0) },
                total: Int64(all.count)))
    }

    func answerProposal(_ id: Int64, _ parameters: ProposalRequest, _ connection: ControlConnection) {
        guard let report = pending(digest(parameters.action)), let summary = summary(of: report) else {
            return connection.refuse(id, ControlRefusal(.notFound, message: "no such proposal is known here"))
        }
        let outcome = try? outcomeWhenDue(of: report.signed.action)
        connection.answer(
            id, to: ProposalRequest.self,
            ProposalResponse(
                summary: summary, before: figures(chain.members, chain.rules),
                after: outcome.map { figures($0.members, $0.rules) }, proposal: record(report.signed)))
    }

    func pending(_ digest: Digest) -> ProposalReport? {
        driver.node.report(now: driver.now).proposals.first { $0.digest == digest }
    }

    private func summary(of report: ProposalReport) -> ProposalSummary? {
        let action = report.signed.action
        guard let kind = VersionResponse.Action(rawValue: action.change.kind) else { return nil }
        var possession: Bool?
        switch action.change {
        case .admit, .rotate: possession = report.signed.possession != nil
        case .remove, .rules, .revert, .switchToReplay: break
        }
        let outcome = try? outcomeWhenDue(of: action)
        let resulting = action.change.changesMembers ? outcome?.members ?? chain.members : nil
        let isReady = Set(report.readiness)
        func resultingNames(_ isWanted: (MemberID) -> Bool) -> [SiteName] {
            (resulting?.members ?? []).filter { isWanted($0.id) }.map { siteName($0.name) }.sorted()
        }
        var fault = report.fault
        if case .tooEarly? = fault { fault = nil }
        let signers = Set(report.operators)
        return ProposalSummary(
            action: text(report.digest), kind: kind, words: action.change.words(chain.members, chain.rules),
            sequence: Int64(clamping: action.sequence), first: Int64(clamping: action.first.value),
            last: Int64(clamping: action.last.value), signed: names(signers),
            missing: names(
                Set(chain.members.members.map(\.id)).subtracting(signers).subtracting(report.verdicts.map(\.signer))),
            operatorsNeeded: Int64(report.operatorsNeeded), isPossessionSigned: possession,
            ready: resultingNames { isReady.contains($0) }, notReady: resultingNames { !isReady.contains($0) },
            readyNeeded: Int64(report.readinessNeeded), fault: fault?.words(chain.members),
            comment: action.comment.text, against: opinions(report.verdicts, among: chain.members),
            isClosed: report.isClosed)
    }

    func names(_ ids: Set<MemberID>) -> [SiteName] { ids.map { siteName($0, in: chain.members) }.sorted() }

    private func figures(_ members: MemberSet, _ rules: Rules) -> MeshFigures {
        MeshFigures(
            members: Int64(members.count), faultBound: Int64(members.faultBound), quorum: Int64(members.quorum),
            operatorsNeeded: Int64(rules.operatorsNeeded(memberCount: members.count)))
    }
}
