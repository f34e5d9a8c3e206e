import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

struct EvidenceTests {
    private let cluster: Cluster
    private let culprit = 3

    init() throws {
        cluster = try Cluster(count: 4)
        cluster.settle()
    }

    private func signed<Body: Statement>(_ body: Body, by index: Int) -> Signed<Body> {
        let identity = cluster.sites[index].identity
        return Signed(body, signer: identity.member, key: identity.nodeKey, network: cluster.genesis.network)
    }

    private func version(_ number: UInt8) -> VersionDigest {
        VersionDigest(Digest(DigestDomain("test/evidence"), [number]))
    }

    private func vote(_ kind: VoteKind, _ number: UInt8 = 0, view: UInt32 = 1, height: UInt64 = 1) -> Vote {
        Vote(
            kind: kind, height: Height(height), view: View(view),
            version: kind == .nullify ? VersionDigest(.zero) : version(number))
    }

    private func proof(_ first: Vote, _ second: Vote, by index: Int) -> Evidence {
        .votes(signed(first, by: index), signed(second, by: index))
    }

    /// What each site holds durably.
    private func held(_ site: Int) -> [Evidence] {
        cluster.sites[site].journal.compactMap { if case .evidence(let evidence) = $0 { evidence } else { nil } }
    }

    private func accusations(_ site: Int) -> Set<MemberID> { Set(held(site).map(\.accused)) }

    private func isCutOff(_ site: Int, by other: Int) -> Bool {
        cluster.sites[other].notices.contains {
            $0 == .linkCutOff(cluster.sites[site].identity.member, .invalidSignature)
        }
    }

    /// Both go to one site; in the end every honest one holds exactly one proof against the culprit.
    private func everybodyLearns(of kind: Evidence.Kind, from messages: [Message], to victim: Int = 0) {
        for message in messages { cluster.inject(message, from: culprit, to: victim) }
        cluster.settle()
        for site in 0..<3 {
            #expect(held(site).map(\.kind) == [kind])
            #expect(accusations(site) == [cluster.sites[culprit].identity.member])
            for evidence in held(site) {
                #expect(
                    evidence.isProof(
                        in: cluster.genesis.members, network: cluster.genesis.network, verifier: Verifier()))
                #expect(cluster.sites[site].notices.contains(.evidence(evidence)))
            }
        }
    }

    private func votes(_ vote: Vote, by signers: [Int]) -> Message { .votes(cluster.votes(vote, by: signers)) }

    @Test(arguments: [
        [VoteKind.notarize, .notarize], [.finalize, .finalize], [.nullify, .finalize], [.finalize, .nullify],
    ])
    func conflictingVotesAreEvidence(kinds: [VoteKind]) {
        everybodyLearns(
            of: .votes,
            from: [votes(vote(kinds[0], 1), by: [culprit]), votes(vote(kinds[1], 2), by: [culprit])])
    }

    @Test func twoContributionsInASlotAreEvidence() {
        let first = signed(cluster.contribution(of: culprit), by: culprit)
        let second = signed(cluster.contribution(of: culprit, steps: 2), by: culprit)
        everybodyLearns(of: .contributions, from: [.contribution(first), .contribution(second)])
    }

    @Test func twoAcksInASlotAreEvidence() {
        let votes = [1, 2].map { steps in
            let vote = AvailabilityVote(cluster.contribution(of: 1, steps: UInt64(steps)))
            let signature = vote.signature(
                by: cluster.sites[culprit].identity.nodeKey, network: cluster.genesis.network)
            return Message.availability(
                AvailabilityCertificate(
                    vote: vote, signatures: QuorumSignatures([culprit: signature], memberCount: 4)))
        }
        everybodyLearns(of: .availabilityVotes, from: votes)
    }

    @Test func twoReadyRecordsInAHeightAreEvidence() {
        let head = cluster.sites[0].node.chain.headDigest
        let slot = cluster.contribution(of: 1).slot
        let records = [[], [slot]].map { signed(Ready(height: Height(1), parent: head, slots: $0), by: culprit) }
        everybodyLearns(of: .ready, from: records.map { .ready($0) })
    }

    @Test func twoProposalsInAViewAreEvidence() {
        let proposals = [UInt8(1), 2].map { number in
            signed(
                Proposal(height: Height(1), view: .first, version: version(number), reproposed: .none), by: culprit)
        }
        everybodyLearns(of: .proposals, from: proposals.map { .proposal($0) })
    }

    /// What honest members do is no evidence, however often it comes.
    @Test func honestVotesAreNone() {
        let honest = [
            vote(.notarize, 1), vote(.notarize, 1), vote(.nullify), vote(.nullify), vote(.notarize, 2, view: 2),
            vote(.finalize, 2, view: 2), vote(.finalize, 2, view: 2), vote(.nullify, view: 3),
        ]
        for vote in honest { cluster.inject(votes(vote, by: [culprit]), from: culprit, to: 0) }
        cluster.settle()
        #expect(held(0).isEmpty)
        #expect(!isCutOff(culprit, by: 0))
    }

    /// The other vote stands only inside a whole certificate that this site had no more use for.
    @Test func aVoteInsideACertificateCounts() {
        let certificate = cluster.votes(vote(.notarize, 1), by: [0, 1, 2])
        cluster.inject(.votes(certificate), from: 1, to: 0)
        cluster.inject(votes(vote(.notarize, 2), by: [culprit]), from: culprit, to: 0)
        cluster.settle()
        #expect(held(0).isEmpty)
        let other = cluster.votes(vote(.notarize, 1), by: [1, 2, culprit])
        cluster.inject(.votes(other), from: 2, to: 0)
        cluster.settle()
        #expect(accusations(0) == [cluster.sites[culprit].identity.member])
    }

    @Test func aForgedVoteInsideACertificateCutsItsSenderOff() {
        let vote = vote(.nullify)
        let real = cluster.votes(vote, by: [0, 1, 2])
        let forged = QuorumSignatures(
            Dictionary(
                uniqueKeysWithValues: [0, 1, culprit].map { index in
                    (index, vote.signature(by: cluster.sites[1].identity.nodeKey, network: cluster.genesis.network))
                }), memberCount: 4)
        cluster.inject(.votes(real), from: 1, to: 0)
        cluster.inject(
            .votes(VoteCertificate(network: cluster.genesis.network, vote: vote, signatures: forged)), from: 2, to: 0)
        cluster.settle()
        #expect(isCutOff(2, by: 0))
        #expect(held(0).isEmpty)
    }

    /// The vote of before stands in a certificate of the journal; the other one comes after a restart.
    @Test func nobodyIsAccusedBeforeTheProofIsOnDisk() {
        func accused() -> [MemberID] { cluster.sites[0].node.report(now: cluster.now).accused.map(\.member) }
        cluster.holdsDisk = [0]
        for number in [UInt8(1), 2] {
            cluster.inject(votes(vote(.notarize, number), by: [culprit]), from: culprit, to: 0)
        }
        cluster.settle()
        #expect(held(0).isEmpty && accused().isEmpty)
        cluster.releaseDisk(0)
        cluster.settle()
        #expect(accused() == [cluster.sites[culprit].identity.member])
    }

    @Test func aRestartForgetsNothingThatIsOnDisk() throws {
        // The certificate is journalled with the vote that relies on it.
        cluster.inject(.votes(cluster.votes(vote(.notarize, 1), by: [1, 2, culprit])), from: 1, to: 0)
        cluster.settle()
        #expect(
            cluster.sites[0].journal.contains { entry in
                if case .certificate = entry { true } else { false }
            })
        cluster.crash(0)
        try cluster.restart(0)
        cluster.settle()
        #expect(held(0).isEmpty)
        cluster.inject(votes(vote(.notarize, 2), by: [culprit]), from: culprit, to: 0)
        cluster.settle()
        #expect(accusations(0) == [cluster.sites[culprit].identity.member])
    }

    /// Both stood in the journal, and the process ended before it saw that they contradict each other.
    @Test func aRestartFindsWhatTheJournalHolds() throws {
        cluster.crash(0)
        for number in [UInt8(1), 2] {
            cluster.sites[0].journal.append(
                .certificate(cluster.votes(vote(.notarize, number, view: 5), by: [1, 2, culprit])))
        }
        try cluster.restart(0)
        cluster.settle()
        #expect(accusations(0) == Set([1, 2, culprit].map { cluster.sites[$0].identity.member }))
        #expect(held(1).count == 3, "what was found at the start is passed on")
    }

    @Test func heldEvidenceReachesWhoeverWasAway() throws {
        cluster.crash(2)
        everybodyElse(of: proof(vote(.notarize, 1), vote(.notarize, 2), by: culprit))
        cluster.crash(0)
        try cluster.restart(0)
        try cluster.restart(2)
        cluster.settle()
        #expect(held(2).count == 1)
        #expect(held(0).count == 1, "held once, whatever restarts")
    }

    private func everybodyElse(of evidence: Evidence) {
        cluster.inject(.evidence(.proof(evidence)), from: 1, to: 0)
        cluster.settle()
        #expect(held(0) == [evidence] && held(1) == [evidence])
    }

    /// On a link that loses messages it comes again with a later tick.
    @Test func lostEvidenceComesAgain() {
        var loses = true
        cluster.drops = { _, to, message in
            guard case .evidence = message else { return false }
            return loses && to == 2
        }
        everybodyElse(of: proof(vote(.finalize, 1), vote(.nullify), by: culprit))
        #expect(held(2).isEmpty)
        loses = false
        #expect(cluster.run(milliseconds: 120_000) { held(2).count == 1 })
    }

    @Test func whoeverSendsWhatIsNoProofIsCutOff() {
        let honest = proof(vote(.notarize, 1), vote(.nullify), by: culprit)
        cluster.inject(.evidence(.proof(honest)), from: 1, to: 0)
        let real = signed(vote(.notarize, 2), by: 1)
        let forged = Signed(
            vote(.notarize, 1), signer: real.signer, key: cluster.sites[2].identity.nodeKey,
            network: cluster.genesis.network)
        cluster.inject(.evidence(.proof(.votes(forged, real))), from: 2, to: 0)
        cluster.settle()
        #expect(isCutOff(1, by: 0) && isCutOff(2, by: 0))
        #expect(held(0).isEmpty)
    }

    /// Of a height that this site has not reached it cannot judge: that is nobody's fault, and it is offered again.
    @Test func whatCannotBeJudgedYetWaits() {
        let early = proof(vote(.notarize, 1, height: 2), vote(.notarize, 2, height: 2), by: culprit)
        cluster.inject(.evidence(.proof(early)), from: 1, to: 0)
        cluster.settle()
        #expect(held(0).isEmpty && !isCutOff(1, by: 0))
        #expect(cluster.reach(1))
        cluster.inject(.evidence(.proof(early)), from: 1, to: 0)
        cluster.settle()
        #expect(held(0) == [early])
    }

    /// Places far below are judged as long as the member still has the key of then.
    @Test func oldPlacesAreJudgedByTheSetOfThen() {
        #expect(cluster.reach(UInt64(cluster.genesis.rules.maxStaleness) + 4))
        let old = proof(vote(.notarize, 1), vote(.notarize, 2), by: culprit)
        cluster.inject(.evidence(.proof(old)), from: 1, to: 0)
        cluster.settle()
        #expect(held(0) == [old])
    }

    @Test func aVoteOfTheHeightBeforeStillCounts() throws {
        #expect(cluster.reach(1))
        let adopted = try #require(cluster.sites[0].adopted.first)
        let view = adopted.certificate.vote.view.value
        let signer = try #require(adopted.certificate.signatures.signers.last)
        cluster.inject(votes(vote(.finalize, 9, view: view), by: [signer]), from: signer, to: (signer + 1) % 4)
        cluster.settle()
        #expect(accusations((signer + 2) % 4) == [cluster.sites[signer].identity.member])
    }

    @Test func aFloodOfEvidenceCostsLittle() {
        let before = cluster.sites[0].journal.count
        let proofs = (1...200).map { view in
            proof(vote(.notarize, 1, view: UInt32(view)), vote(.notarize, 2, view: UInt32(view)), by: culprit)
        }
        for proof in proofs { cluster.inject(.evidence(.proof(proof)), from: 1, to: 0) }
        cluster.settle()
        #expect(held(0).count == EvidenceTable.proofsOfOneMaximum)
        #expect(cluster.sites[0].journal.count <= before + EvidenceTable.proofsOfOneMaximum)
        let sent = cluster.sites[0].sent.count { if case .evidence(.proof) = $0.message { true } else { false } }
        #expect(sent <= 3 * EvidenceTable.proofsOfOneMaximum)
        // Another member's first proof still finds its place, and nobody is asked again for what was turned away.
        cluster.inject(.evidence(.proof(proof(vote(.finalize, 1), vote(.nullify), by: 2))), from: 1, to: 0)
        cluster.inject(.evidence(.held(proofs.map(\.name).sorted())), from: 1, to: 0)
        cluster.settle()
        #expect(accusations(0) == Set([2, culprit].map { cluster.sites[$0].identity.member }))
        #expect(!cluster.sites[0].sent.contains { if case .evidence(.want) = $0.message { true } else { false } })
    }

    /// One member, kind and place is one proof, whichever two statements show it.
    @Test func aThirdStatementIsNoFurtherProof() {
        let firsts = [UInt8(1), 2, 3].map { votes(vote(.notarize, $0), by: [culprit]) }
        everybodyLearns(of: .votes, from: firsts)
        cluster.inject(
            .evidence(.proof(proof(vote(.notarize, 3), vote(.notarize, 4), by: culprit))), from: 1, to: 0)
        cluster.settle()
        #expect(held(0).count == 1)
    }

    @Test func aProofTooLargeForOneMessageTravelsInTwo() {
        let head = cluster.sites[0].node.chain.headDigest
        let records = [UInt8(0), 1].map { number in
            let slots = (0..<Wire.readySlotsMaximum(memberCount: Wire.fullMembersMaximum)).map { index in
                let author = Digest(DigestDomain("test/author"), [number, UInt8(index % 256), UInt8(index / 256)])
                return Slot(author: MemberID(author), base: head)
            }
            return signed(Ready(height: Height(1), parent: head, slots: slots), by: culprit)
        }
        let whole = Message.evidence(.proof(.ready(records[0], records[1])))
        #expect(whole.encoded.count > Wire.messageBytesMaximum)
        everybodyLearns(of: .ready, from: EvidenceMessage.messages(of: .ready(records[0], records[1])))
    }

    @Test func whatWasAskedForComes() {
        let found = proof(vote(.notarize, 1), vote(.notarize, 2), by: culprit)
        everybodyElse(of: found)
        let before = cluster.sites[0].sent.count
        cluster.inject(.evidence(.want([found.name])), from: 2, to: 0)
        cluster.settle()
        let answers = cluster.sites[0].sent[before...].filter { $0.to == 2 && $0.message == .evidence(.proof(found)) }
        #expect(answers.count == 1)
    }
}
