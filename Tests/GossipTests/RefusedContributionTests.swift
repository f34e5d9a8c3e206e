import Crypto
import Ledger
import Testing

@testable import Gossip

/// What this node refuses and a quorum holds as valid: it never waits for it silently.
struct RefusedContributionTests {
    private func alarms(_ town: Town, _ site: Int) -> [Alarm] {
        town.sites[site].notices.compactMap { if case .alarm(let alarm) = $0 { alarm } else { nil } }
    }

    @Test func contributionThatAQuorumHolds_ifRefusedHere_raisesAnAlarmAndStopsAtTheVersionThatListsIt() throws {
        let town = try Town(count: 4)
        town.refusals[3] = "size-mismatch"
        town.settle()
        let contribution = town.contribution(of: 0)
        for index in 0..<3 { town.contribute(index) }
        #expect(town.run(milliseconds: 30_000) { (0..<3).allSatisfy { town.heights[$0] >= 1 } })
        #expect(town.heights[3] == 0)
        let available = Alarm.refusedAvailableContribution(
            contribution.contributionDigest, author: contribution.author, refusal: "size-mismatch")
        #expect(alarms(town, 3).contains(available))
        #expect(!available.stops)
        let listed = alarms(town, 3).contains { alarm in
            guard case .refusedListedContribution(Height(1), _, _, "size-mismatch") = alarm else { return false }
            return alarm.stops
        }
        #expect(listed)
        #expect(town.sites[3].node.isStopped)
        // The others go on without it.
        #expect(
            town.run(milliseconds: 60_000) {
                for index in 0..<3
                where town.sites[index].node.contributions.authors(on: town.chains[index].headDigest)
                    .isEmpty
                { town.contribute(index) }
                return (0..<3).allSatisfy { town.heights[$0] >= 2 }
            })
        for index in 0..<3 { #expect(alarms(town, index).isEmpty) }
    }

    /// The certificate may be here before this node has judged the pieces.
    @Test func contributionThatIsRefusedAfterItsCertificateCame_raisesTheAlarmToo() throws {
        let town = try Town(count: 4)
        town.refusals[3] = "index-out-of-order"
        town.dropsPiece = { _, to, _ in to == 3 }
        town.settle()
        let contribution = town.contribution(of: 0)
        #expect(town.contributeOnly(0))
        #expect(town.sites[3].node.contributions.slots[contribution.slot]?.certificate != nil)
        #expect(alarms(town, 3).isEmpty)
        town.dropsPiece = { _, _, _ in false }
        let alarm = Alarm.refusedAvailableContribution(
            contribution.contributionDigest, author: contribution.author, refusal: "index-out-of-order")
        #expect(town.run(milliseconds: 60_000) { alarms(town, 3).contains(alarm) })
    }

    @Test func averagingThatNoMachineCanDo_raisesAnAlarmAndMakesTheProposalInvalid() throws {
        let town = try Town(count: 4)
        town.refusesAveraging = "block 0 would leave the range of float32"
        town.settle()
        town.contributeAll()
        _ = town.run(milliseconds: 20_000) { false }
        for index in 0..<4 {
            #expect(
                alarms(town, index) == [
                    .averagingRefused(Height(1), reason: "block 0 would leave the range of float32")
                ])
            #expect(town.heights[index] == 0)
            #expect(!town.sites[index].node.isStopped)
        }
    }

    /// A version that lists a slot of an unknown base can never be adopted: its contribution would never be accepted.
    @Test func certifiedVersionThatListsAnUnknownBase_raisesAnAlarm() throws {
        let town = try Town(count: 4)
        town.settle()
        let slot = Slot(author: town.sites[1].identity.member, base: VersionDigest(Digest(DigestDomain("test"), [5])))
        let listed = CertifiedListing(
            town,
            Stored(
                slot: slot, baseHeight: .genesis, contribution: ContributionDigest(Digest(DigestDomain("test"), [6]))))
        town.sites[0].node.contributions.certificates[listed.availability.digest] = listed.availability
        listed.send(in: town)
        #expect(alarms(town, 0) == [.inapplicableVersion(Height(1))])
    }

    /// A record that the decided version lists and that the rules here forbid: whoever passes it on is not cut off.
    @Test func listedContributionOutsideTheRules_raisesAnAlarm() throws {
        let town = try Town(count: 4)
        town.settle()
        let huge = town.contribution(of: 1, pieces: Limits.pieces + 1)
        let listed = CertifiedListing(town, Stored(huge))
        listed.send(in: town)
        town.inject(.acks(listed.availability), from: 1, to: 0)
        let author = town.sites[1].identity
        town.inject(
            .contribution(Signed(huge, signer: author.member, key: author.nodeKey, network: town.genesis.network)),
            from: 1, to: 0)
        town.settle()
        #expect(
            alarms(town, 0) == [
                .refusedListedContribution(
                    Height(1), huge.contributionDigest, author: author.member, refusal: "too-large")
            ])
        #expect(!town.sites[0].notices.contains { if case .linkCutOff = $0 { true } else { false } })
    }
}

/// A version of height 1 that lists one slot, certified by sites 0 to 2 whatever it is.
private struct CertifiedListing {
    let ready: [Signed<Ready>]
    let availability: AvailabilityCertificate
    let message: Message

    init(_ town: Town, _ stored: Stored) {
        let chain = town.chains[0]
        let identities = town.sites[..<3].map(\.identity)
        ready = identities.map { identity in
            Signed(
                Ready(height: Height(1), parent: chain.headDigest, slots: []), signer: identity.member,
                key: identity.nodeKey, network: chain.network)
        }
        var signatures: [Int: Signature] = [:]
        for (index, identity) in identities.enumerated() {
            signatures[index] = stored.signature(by: identity.nodeKey, network: chain.network)
        }
        availability = AvailabilityCertificate(
            stored: stored, signatures: QuorumSignatures(signatures, memberCount: 4))
        let support = Support(ready: ready.map(\.objectDigest))
        let version = Version(
            network: chain.network, height: Height(1), parent: chain.headDigest,
            manifest: [
                ManifestEntry(
                    slot: stored.slot, baseHeight: stored.baseHeight, contribution: stored.contribution,
                    availability: availability.digest, weightQ30: UInt64(Rules.oneQ30))
            ], action: nil, rules: chain.rules.digest, members: chain.members.digest, support: support.digest,
            roots: chain.head.roots)
        let vote = Vote(kind: .finalize, height: Height(1), view: .first, version: version.versionDigest)
        message = .certified(Payload(version: version, support: support), town.votes(vote, by: [0, 1, 2]))
    }

    /// Site 1 gives it to site 0.
    func send(in town: Town) {
        town.inject(message, from: 1, to: 0)
        for record in ready { town.inject(.ready(record), from: 1, to: 0) }
        town.settle()
    }
}
