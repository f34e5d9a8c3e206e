import Crypto
import Glibc
import Gossip
import Ledger
import Link

extension Driver {
    func noticed(_ notice: Notice) {
        switch notice {
        case .adopted(let certified, let replayed): adopted(certified, replayed: replayed)
        case .contributionReceived(let contribution):
            logger.debug("contribution of \(name(contribution.author)) to version \(contribution.baseHeight) is known")
        case .contributionRefused(let digest, let author, let refusal):
            logger.warning("contribution \(digest.short) of \(name(author)) is refused: \(refusal)")
        case .contributionHeld: rounds.noteHeld(now: loop.now.milliseconds)
        case .contributionAvailable(let contribution):
            rounds.noteAvailable(contribution.contributionDigest, now: loop.now.milliseconds)
            logger.debug("contribution of \(name(contribution.author)) is held by a quorum")
        case .roundCloses(let height, let deadline):
            logger.debug(
                "the round of version \(height) is closed in \(deadline.since(now)) ms; this site has not committed yet"
            )
        case .roundClosed(let height): logger.debug("a quorum has closed the round of version \(height)")
        case .readySigned(let height, let slots): logger.debug("ready for version \(height) with \(slots) slots")
        case .quorumReady(let height):
            rounds.noteReady(now: loop.now.milliseconds)
            logger.debug("a quorum is ready for version \(height)")
        case .certified(let height, let view):
            rounds.noteCertified(now: loop.now.milliseconds)
            logger.debug("version \(height) is certified in view \(view)")
        case .viewEntered(let height, let view):
            if view > .first { logger.debug("version \(height) takes view \(view)") }
        case .proposed(let height, let view, let version):
            logger.debug("proposed \(version.short) for version \(height) in view \(view)")
        case .payloadRefused(let view, let payload, _, let fault):
            let version = payload.version
            logger.warning(
                "the proposal \(version.versionDigest.short) for version \(version.height) in view \(view) is invalid: \(fault)"
            )
        case .rootMismatch(let height, let expected, let computed):
            logger.error(
                "version \(height): certified \(expected.short(besides: computed)), computed \(computed.short(besides: expected))"
            )
        case .ownContributionLeftOut(let digest):
            logger.info("this site's contribution \(digest.short) was not listed; its values go back")
        case .replayFinished(let height):
            logger.info("the replay without what is excluded came through version \(height)")
        case .linkCutOff(let member, let reason): logger.warning("\(name(member)) is cut off: \(reason)")
        case .journalLost(.declared):
            logger.error("the journal counts as lost: nothing is signed until the others have said how far they are")
        case .journalLost(.signatureReturned(let height)):
            logger.error(
                """
                another site holds a signature of this one for version \(height) that the journal lacks: the journal was \
                lost or rolled back; nothing is signed until the others have said how far they are
                """)
        case .abstaining(let height):
            logger.notice("abstaining until version \(height): nothing is signed up to there")
        case .headerSynced(let height): logger.info("certified versions up to \(height) are here, parameters are not")
        case .fetchingParameters(let height):
            fetchingSince = loop.now.milliseconds
            logger.notice("fetches the parameters of version \(height) from peers")
        case .synchronised(let version): synchronised(version)
        case .alarm(let alarm):
            logger.critical("\(Driver.describe(alarm))\(alarm.stops ? "; nothing is signed any more" : "")")
            // The two would take each other's links for ever.
            if alarm == .secondInstance { transport.close() }
        case .evidence(let evidence):
            logger.error("\(name(evidence.accused)) broke the protocol, and the proof is held: \(evidence.words)")
        case .proposalKnown(let action, let operators):
            logger.info("proposal \(action.digest.short) is signed by \(operators.map(name).joined(separator: " "))")
        case .proposalComplete(let action): logger.info("proposal \(action.digest.short) waits for the next version")
        case .proposalRefused(let digest, let refusal):
            logger.warning("proposal \(digest.short) is refused: \(refusal)")
        case .proposalDropped(let digest): logger.info("proposal \(digest.short) ended without effect")
        case .proposalJudged(let judged):
            let statement = judged.verdict.statement
            let comment = statement.comment.isEmpty ? "" : ": \(statement.comment)"
            logger.notice(
                "\(name(judged.verdict.signer)): \(statement.verdict.rawValue) proposal \(statement.action.short)\(comment)"
            )
        case .verdictRefused(let judged, let refusal):
            logger.warning("verdict on proposal \(judged.action.digest.short) is refused: \(refusal)")
        case .proposalEnded(let ended): record(ended)
        case .actionTaken(let action, let height):
            logger.info("version \(height) carries action \(action.digest.short)")
        case .storageShort(let free, let reserve, let dropped):
            logger.error(
                """
                \(free >> 20) MiB of disk are free and \(reserve >> 20) MiB are reserved for journal, ledger and parameters: \
                payloads are not fetched until there is room; \(dropped) incomplete payloads were dropped
                """)
        case .storageRecovered(let free):
            logger.notice("payloads are fetched again: \(free >> 20) MiB of disk are free")
        case .reviewKnown(let review):
            logger.info(
                "\(name(review.reviewer)): \(review.statement.verdict.rawValue) \(review.statement.contribution.short)")
        case .reviewRefused(let review, let refusal):
            logger.warning("review of \(review.statement.contribution.short) is refused: \(refusal)")
        case .removed(let height): logger.warning("version \(height) removed this site; it signs nothing more")
        case .mayLeave(let height): logger.info("a quorum holds version \(height): this site may stop")
        }
        switch notice {
        case .adopted, .roundClosed, .readySigned, .viewEntered, .proposed, .synchronised:
            _ = phaseMilliseconds(node.report(now: now))
        default: break
        }
        onNotice?(notice)
    }

    static func describe(_ alarm: Gossip.Alarm) -> String {
        switch alarm {
        case .divergedFromCertifiedRoots(let height):
            "a quorum certified other parameters for version \(height) than this site computes"
        case .conflictingCertificates(let height): "two versions of height \(height) carry valid certificates"
        case .secondInstance:
            "another daemon signs with this site's node key: stop one of the two; where the state came from a backup, "
                + "run meshctl recover"
        case .retiredKeysCertified(let height):
            "another version of height \(height) carries a valid certificate, by keys that are mostly retired"
        case .inapplicableVersion(let height): "a quorum certified a version \(height) that cannot take effect here"
        case .refusedAvailableContribution(let digest, let author, let refusal):
            "a quorum holds contribution \(digest.short) of member \(author.short) as valid, and this site refuses it as "
                + "\(refusal): this site cannot vote for a version that lists it; compare the versions of meshnode"
        case .refusedListedContribution(let height, let digest, let author, let refusal):
            "the certified version \(height) lists contribution \(digest.short) of member \(author.short), which this "
                + "site refuses as \(refusal): it cannot follow; compare the versions of meshnode with the other sites"
        case .averagingRefused(let height, let reason):
            "the contributions to version \(height) cannot be averaged: \(reason)"
        }
    }

    func name(_ id: MemberID) -> String { node.chain.members[id]?.name ?? id.short }

    /// Keeps what became of a proposal, for people.
    private func record(_ ended: EndedProposal) {
        let row = DecisionRow(
            signed: ended.signed, verdicts: ended.verdicts, end: ended.end, height: ended.height,
            at: UInt64(max(0, time(nil))))
        let database = database
        journal.read(
            { () -> StoreError? in
                do throws(StoreError) { try database.insert(row) } catch { return error }
                return nil
            },
            completion: { [self] failure in
                if let failure { report(failure) }
            })
    }

    /// Names by ascending member id, as the ledger orders them.
    func signers(of certified: CertifiedVersion) -> [String] {
        // By the set that decided the version: a later one may have other members in other places.
        let members = node.chain.history.members(of: certified.height) ?? node.chain.members
        return certified.certificate.signatures.signers.filter { $0 < members.count }.map { members.members[$0].name }
    }

    private func adopted(_ certified: CertifiedVersion, replayed: Bool) {
        let version = certified.version
        let round = rounds.turn(
            now: loop.now.milliseconds, listing: version.manifest.map(\.contribution), bytes: transport.totalBytes)
        let contributors = version.manifest.map { name($0.slot.author) }
        let signers = signers(of: certified)
        let losses = certified.contributions.compactMap(\.body.lossCentinats)
        let row = RoundRow(
            height: version.height, version: version.versionDigest, adoptedAt: UInt64(max(0, time(nil))),
            durationMilliseconds: round.milliseconds, contributors: contributors, signers: signers,
            lossMicronats: losses.isEmpty ? nil : 10_000 * losses.reduce(0, +) / UInt64(losses.count),
            contributionBytes: certified.contributions.reduce(0) { $0 &+ $1.body.payloadBytes },
            sentBytes: round.sent, receivedBytes: round.received, isReplayed: replayed, times: round.times,
            figures: figures(of: version))
        journal.append(JournalBatch(rounds: [row]))
        logger.info(
            """
            version \(version.height)  \(version.versionDigest.short)  contributed \(Driver.list(contributors))  \
            signed \(Driver.list(signers))  \(Driver.seconds(round.milliseconds))\(replayed ? "  caught up" : "")
            """)
        noteOpposition([row])
        retain(version)
        endReplayIfDone()
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "nobody" : names.joined(separator: " ")
    }

    private static func seconds(_ milliseconds: UInt64) -> String {
        let tenths = (milliseconds + 50) / 100
        return "\(tenths / 10).\(tenths % 10) s"
    }
}

extension Driver {
    /// How long the present phase lasts, as seen by whoever asks for it.
    func phaseMilliseconds(_ report: NodeReport) -> UInt64 {
        let phase = PhaseMark(phase: report.phase, height: report.height)
        if phase != phaseMark { (phaseMark, phaseBegan) = (phase, now) }
        return now.since(phaseBegan)
    }
}

/// What makes one phase another one.
struct PhaseMark: Equatable {
    let phase: NodeReport.Phase
    let height: Height
}
