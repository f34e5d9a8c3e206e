import Crypto
import Glibc
import Gossip
import Ledger

extension Keeper {
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
        case .payloadRefused(let height, let view, let fault):
            logger.warning("the proposal for version \(height) in view \(view) is invalid: \(fault)")
        case .rootMismatch(let height, let expected, let computed):
            logger.error(
                "version \(height): certified parameters \(expected.parameters.short), computed \(computed.parameters.short)"
            )
        case .ownContributionLeftOut(let digest):
            logger.info("this site's contribution \(digest.short) was not listed; its values go back")
        case .linkCutOff(let member, let reason): logger.warning("\(name(member)) is cut off: \(reason)")
        case .alarm(let alarm): logger.critical("\(Keeper.describe(alarm)); nothing is signed any more")
        }
        switch notice {
        case .adopted, .readySigned, .viewEntered, .proposed: _ = phaseMilliseconds(node.report(now: now))
        default: break
        }
        onNotice?(notice)
    }

    static func describe(_ alarm: Gossip.Alarm) -> String {
        switch alarm {
        case .divergedFromCertifiedRoots(let height):
            "a quorum certified other parameters for version \(height) than this site computes"
        case .conflictingCertificates(let height): "two versions of height \(height) carry valid certificates"
        }
    }

    func name(_ id: MemberID) -> String { node.chain.members[id]?.name ?? id.short }

    /// Names by ascending member id, as the ledger orders them.
    func signers(of certified: CertifiedVersion, among members: MemberSet) -> [String] {
        certified.certificate.signatures.signers.filter { $0 < members.count }.map { members.members[$0].name }
    }

    private func adopted(_ certified: CertifiedVersion, replayed: Bool) {
        let version = certified.version
        let round = rounds.turn(
            now: loop.now.milliseconds, listing: version.manifest.map(\.contribution), bytes: transport.totalBytes)
        let contributors = version.manifest.map { name($0.slot.author) }
        let signers = signers(of: certified, among: node.chain.members)
        let losses = certified.contributions.map(\.body.lossMicronats)
        let row = RoundRow(
            height: version.height, version: version.versionDigest, adoptedAt: UInt64(max(0, time(nil))),
            durationMilliseconds: round.milliseconds, contributors: contributors, signers: signers,
            lossMicronats: losses.isEmpty ? nil : losses.reduce(0) { $0 + $1 / UInt64(losses.count) },
            contributionBytes: certified.contributions.reduce(0) { $0 &+ $1.body.payloadBytes },
            sentBytes: round.sent, receivedBytes: round.received, isReplayed: replayed, times: round.times)
        journal.append(JournalBatch(rounds: [row]))
        logger.info(
            """
            version \(version.height)  \(version.versionDigest.short)  contributed \(Keeper.list(contributors))  \
            signed \(Keeper.list(signers))  \(Keeper.seconds(round.milliseconds))\(replayed ? "  caught up" : "")
            """)
        retain(version)
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "nobody" : names.joined(separator: " ")
    }

    private static func seconds(_ milliseconds: UInt64) -> String {
        let tenths = (milliseconds + 50) / 100
        return "\(tenths / 10).\(tenths % 10) s"
    }

    /// Parameters of versions that are no base any more go, as do candidates that were not certified; journal entries
    /// and contributions go by the rules' retention.
    private func retain(_ version: Version) {
        let rules = node.chain.rules
        baseRoots.append((version.height, version.roots.parameters))
        let kept = max(2, Int(rules.maxStaleness) + 1)
        let dropped = baseRoots.dropLast(kept).map(\.root) + candidateRoots
        baseRoots = baseRoots.suffix(kept)
        candidateRoots = []
        let needed = Set(baseRoots.map(\.root))
        let unneeded = Set(dropped).subtracting(needed)
        let parameters = jobs.parameters
        let (blobs, database) = (jobs.blobs, database)
        let lowest = Height(version.height.value - min(version.height.value, UInt64(rules.maxStaleness) + 2))
        let past =
            version.height.value > UInt64(rules.retentionVersions)
            ? Height(version.height.value - UInt64(rules.retentionVersions)) : nil
        journal.read(
            { () -> StoreError? in
                do throws(StoreError) {
                    for root in unneeded { parameters.remove(root) }
                    try database.pruneJournal(below: lowest)
                    if let past, let old = try database.version(at: past) {
                        for entry in old.version.manifest { blobs.forget(entry.contribution) }
                    }
                    return nil
                } catch {
                    return error
                }
            },
            completion: { [weak self] error in if let error { self?.report(error) } })
    }
}

extension Keeper {
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
