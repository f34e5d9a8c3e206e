import Crypto
import Ledger
import Testing

@testable import Gossip

/// What this node refuses and a quorum holds as valid: it never waits for it silently.
struct RefusedContributionTests {
    private func alarms(_ cluster: Cluster, _ site: Int) -> [Alarm] {
        cluster.sites[site].notices.compactMap { if case .alarm(let alarm) = $0 { alarm } else { nil } }
    }

    @Test func contributionThatAQuorumHolds_ifRefusedHere_raisesAnAlarmAndStopsAtTheVersionThatListsIt() throws {
        let cluster = try Cluster(count: 4)
        cluster.refusals[3] = "size-mismatch"
        cluster.settle()
        let contribution = cluster.contribution(of: 0)
        for index in 0..<3 { cluster.contribute(index) }
        #expect(cluster.run(milliseconds: 30_000) { (0..<3).allSatisfy { cluster.heights[$0] >= 1 } })
        #expect(cluster.heights[3] == 0)
        let available = Alarm.refusedAvailableContribution(
            contribution.contributionDigest, author: contribution.author, refusal: "size-mismatch")
        #expect(alarms(cluster, 3).contains(available))
        #expect(!available.stops)
        let listed = alarms(cluster, 3).contains { alarm in
            guard case .refusedListedContribution(Height(1), _, _, "size-mismatch") = alarm else { return false }
            return alarm.stops
        }
        #expect(listed)
        #expect(cluster.sites[3].node.isStopped)
        // The others go on without it.
        #expect(
            cluster.run(milliseconds: 60_000) {
                for index in 0..<3
                where cluster.sites[index].node.contributions.authors(on: cluster.chains[index].headDigest)
                    .isEmpty
                { cluster.contribute(index) }
                return (0..<3).allSatisfy { cluster.heights[$0] >= 2 }
            })
        for index in 0..<3 { #expect(alarms(cluster, index).isEmpty) }
    }

    /// The certificate may be here before this node has judged the pieces.
    @Test func contributionThatIsRefusedAfterItsCertificateCame_raisesTheAlarmToo() throws {
        let cluster = try Cluster(count: 4)
        cluster.refusals[3] = "index-out-of-order"
        cluster.dropsPiece = { _, to, _ in to == 3 }
        cluster.settle()
        let contribution = cluster.contribution(of: 0)
        #expect(cluster.contributeOnly(0))
        #expect(cluster.sites[3].node.contributions.slots[contribution.slot]?.certificate != nil)
        #expect(alarms(cluster, 3).isEmpty)
        cluster.dropsPiece = { _, _, _ in false }
        let alarm = Alarm.refusedAvailableContribution(
            contribution.contributionDigest, author: contribution.author, refusal: "index-out-of-order")
        #expect(cluster.run(milliseconds: 60_000) { alarms(cluster, 3).contains(alarm) })
    }

    @Test func averagingThatNoMachineCanDo_raisesAnAlarmAndMakesTheProposalInvalid() throws {
        let cluster = try Cluster(count: 4)
        cluster.refusesAveraging = "block 0 would leave the range of float32"
        cluster.settle()
        cluster.contributeAll()
        _ = cluster.run(milliseconds: 20_000) { false }
        for index in 0..<4 {
            #expect(
                alarms(cluster, index) == [
                    .averagingRefused(Height(1), reason: "block 0 would leave the range of float32")
                ])
            #expect(cluster.heights[index] == 0)
            #expect(!cluster.sites[index].node.isStopped)
        }
    }

    /// A version that lists a slot of an unknown base can never be adopted: its contribution would never be accepted.
    @Test func certifiedVersionThatListsAnUnknownBase_raisesAnAlarm() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let slot = Slot(
            author: cluster.sites[1].identity.member, base: VersionDigest(Digest(DigestDomain("test"), [5])))
        let listed = CertifiedListing(
            cluster,
            AvailabilityVote(
                slot: slot, baseHeight: .genesis, contribution: ContributionDigest(Digest(DigestDomain("test"), [6]))))
        cluster.sites[0].node.contributions.certificates[listed.availability.digest] = listed.availability
        listed.send(in: cluster)
        #expect(alarms(cluster, 0) == [.inapplicableVersion(Height(1))])
    }

    /// A record that the decided version lists and that the rules here forbid: whoever passes it on is not cut off.
    @Test func listedContributionOutsideTheRules_raisesAnAlarm() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let huge = cluster.contribution(of: 1, pieces: Limits.pieces + 1)
        let listed = CertifiedListing(cluster, AvailabilityVote(huge))
        listed.send(in: cluster)
        cluster.inject(.availability(listed.availability), from: 1, to: 0)
        let author = cluster.sites[1].identity
        cluster.inject(
            .contribution(Signed(huge, signer: author.member, key: author.nodeKey, network: cluster.genesis.network)),
            from: 1, to: 0)
        cluster.settle()
        #expect(
            alarms(cluster, 0) == [
                .refusedListedContribution(
                    Height(1), huge.contributionDigest, author: author.member, refusal: "too-large")
            ])
        #expect(!cluster.sites[0].notices.contains { if case .linkCutOff = $0 { true } else { false } })
    }
}

/// A version of height 1 that lists one slot, certified by sites 0 to 2 whatever it is.
private struct CertifiedListing {
    let ready: [Signed<Ready>]
    let availability: AvailabilityCertificate
    let message: Message

    init(_ cluster: Cluster, _ vote: AvailabilityVote) {
        let chain = cluster.chains[0]
        let identities = cluster.sites[..<3].map(\.identity)
        ready = identities.map { identity in
            Signed(
                Ready(height: Height(1), parent: chain.headDigest, slots: []), signer: identity.member,
                key: identity.nodeKey, network: chain.network)
        }
        var signatures: [Int: Signature] = [:]
        for (index, identity) in identities.enumerated() {
            signatures[index] = vote.signature(by: identity.nodeKey, network: chain.network)
        }
        availability = AvailabilityCertificate(
            vote: vote, signatures: QuorumSignatures(signatures, memberCount: 4))
        let support = Support(ready: ready.map(\.objectDigest))
        let version = Version(
            network: chain.network, height: Height(1), parent: chain.headDigest,
            manifest: [
                ManifestEntry(
                    slot: vote.slot, baseHeight: vote.baseHeight, contribution: vote.contribution,
                    availability: availability.digest, weightQ30: UInt64(Rules.oneQ30))
            ], action: nil, rules: chain.rules.digest, members: chain.members.digest, support: support.digest,
            roots: chain.head.roots)
        let vote = Vote(kind: .finalize, height: Height(1), view: .first, version: version.versionDigest)
        message = .certified(Payload(version: version, support: support), cluster.votes(vote, by: [0, 1, 2]))
    }

    /// Site 1 gives it to site 0.
    func send(in cluster: Cluster) {
        cluster.inject(message, from: 1, to: 0)
        for record in ready { cluster.inject(.ready(record), from: 1, to: 0) }
        cluster.settle()
    }
}
