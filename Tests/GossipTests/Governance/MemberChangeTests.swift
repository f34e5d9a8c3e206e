import Crypto
import Ledger
import Link
import Testing

@testable import Gossip

@Suite struct MemberChangeTests {
    @Test func aNewcomerIsAdmittedAndContributes() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(2))
        let (member, identity) = cluster.newMember("site-4", seed: 41)
        let newcomer = cluster.addNewcomer(identity)
        #expect(cluster.run { Set(cluster.heights).count == 1 }, "it follows the chain before it is a member")
        cluster.propose(cluster.action(.admit(member)), by: [0, 1, 2], possession: identity.nodeKey)
        #expect(cluster.reach(6))
        let carrying = try #require(cluster.sites[0].adopted.first { $0.version.action != nil })
        let readiness = try #require(carrying.embedded.action?.readiness)
        #expect(readiness.signatures.count >= 4, "a quorum of the five")
        let isListed = cluster.run {
            cluster.contributeOnce()
            return cluster.sites[0].adopted.contains { certified in
                certified.version.manifest.contains { $0.slot.author == identity.member }
            }
        }
        #expect(isListed)
        #expect(cluster.chains.allSatisfy { $0.members.count == 5 })
        #expect(cluster.sites[newcomer].node.addresses[identity.member] != nil)
        #expect(cluster.sites[0].node.addresses[identity.member] != nil)
        var chain = Chain(genesis: cluster.genesis)
        for certified in cluster.sites[newcomer].adopted {
            chain = try chain.audited(certified, verifier: Verifier())
        }
    }

    @Test func withoutTheNewcomersOwnReadinessItIsNotAdmitted() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let (member, identity) = cluster.newMember("site-4", seed: 41)
        cluster.propose(cluster.action(.admit(member)), by: [0, 1, 2, 3], possession: identity.nodeKey)
        #expect(cluster.reach(2))
        #expect(cluster.chains.allSatisfy { $0.members.count == 4 })
        let report = try #require(cluster.sites[0].node.report(now: cluster.now).proposals.first)
        #expect(report.readiness.count == 4 && !report.isComplete && report.fault == nil)
    }

    @Test func whoIsNoMemberTakesNoPart() throws {
        let cluster = try Cluster(count: 4)
        cluster.settle()
        let (_, identity) = cluster.newMember("site-4", seed: 41)
        let observer = cluster.addNewcomer(identity)
        #expect(cluster.reach(2))
        // It passes on what others said, and says nothing of its own.
        for (_, message) in cluster.sites[observer].sent {
            switch message {
            case .proposal(let signed): #expect(signed.signer != identity.member)
            case .ready(let signed): #expect(signed.signer != identity.member)
            case .contribution(let signed): #expect(signed.signer != identity.member)
            default: break
            }
        }
        #expect(cluster.sites[observer].journal.allSatisfy { if case .availabilityVote = $0 { false } else { true } })
        #expect(cluster.sites[observer].journal.allSatisfy { if case .vote = $0 { false } else { true } })
        // What it sends of agreement is not even looked at.
        let leader = cluster.sites[0].node.height.leader(of: .first)
        let proposal = Signed(
            Proposal(height: Height(3), view: .first, version: VersionDigest(.zero), reproposed: .none),
            signer: cluster.sites[leader].identity.member, key: cluster.sites[leader].identity.nodeKey,
            network: cluster.genesis.network)
        cluster.inject(.proposal(proposal), from: observer, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.height.views[.first]?.proposals.isEmpty ?? true)
    }

    @Test func aRemovedMemberAnswersUntilAQuorumHoldsTheVersionAndSignsNothing() throws {
        let cluster = try Cluster(count: 5)
        #expect(cluster.reach(1))
        let leaver = cluster.sites[4].identity.member
        cluster.propose(cluster.action(.remove(leaver)), by: [0, 1, 2, 3])
        #expect(
            cluster.run {
                cluster.contributeOnce()
                return cluster.sites[4].notices.contains(.removed(Height(2)))
            })
        #expect(cluster.run { cluster.sites[4].notices.contains(.mayLeave(Height(2))) })
        #expect(cluster.reach(4))
        #expect(cluster.chains[0].members.count == 4)
        for entry in cluster.sites[4].journal {
            switch entry {
            case .vote(let vote): #expect(vote.body.height <= Height(2))
            case .ready(let ready): #expect(ready.body.height <= Height(2))
            case .availabilityVote(let ack): #expect(ack.body.baseHeight < Height(2))
            default: break
            }
        }
        for certified in cluster.sites[0].adopted.suffix(2) {
            #expect(!certified.version.manifest.contains { $0.slot.author == leaver })
        }
    }

    @Test func whatOnlyTheRemovedMemberHoldsReachesTheOthers() throws {
        let cluster = try Cluster(count: 5)
        #expect(cluster.reach(1))
        let leaver = cluster.sites[4].identity.member
        cluster.propose(cluster.action(.remove(leaver)), by: [0, 1, 2, 3])
        // Of the votes that finalize the removal, and of their certificate, only the leaver hears.
        cluster.drops = { _, to, message in
            switch message {
            case .votes(let votes): to != 4 && votes.vote.kind == .finalize && votes.vote.height == Height(2)
            case .certified: true
            default: false
            }
        }
        #expect(
            cluster.run {
                cluster.contributeOnce()
                return cluster.heights[4] == 2
            })
        #expect(cluster.heights.prefix(4).allSatisfy { $0 == 1 })
        #expect(!cluster.sites[4].notices.contains(.mayLeave(Height(2))))
        // Votes stay lost: the certificate must come from the removed member.
        cluster.drops = { from, to, message in
            guard case .votes(let votes) = message else { return false }
            return from != 4 && to != 4 && votes.vote.kind == .finalize && votes.vote.height == Height(2)
        }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 >= 2 } })
        #expect(cluster.run { cluster.sites[4].notices.contains(.mayLeave(Height(2))) })
        cluster.crash(4)
        cluster.drops = { _, _, _ in false }
        #expect(cluster.reach(4))
    }

    @Test func shrinkingToThreeGoesOn() throws {
        let cluster = try Cluster(count: 5)
        #expect(cluster.reach(1))
        for leaving in [4, 3] {
            let left = cluster.sites[leaving].identity.member
            cluster.propose(cluster.action(.remove(left)), by: Array(0...3))
            #expect(
                cluster.run {
                    cluster.contributeOnce()
                    return cluster.sites[leaving].notices.contains {
                        if case .mayLeave = $0 { true } else { false }
                    }
                })
            cluster.crash(leaving)
        }
        #expect(cluster.chains[0].members.count == 3)
        #expect(cluster.reach(cluster.heights[0] + 2))
    }

    @Test func aRotatedNodeKeySignsFromTheNextSetOn() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        let (member, key) = cluster.rotated(2)
        // The daemon holds both keys from before the rotation on.
        let old = cluster.sites[2].identity
        cluster.crash(2)
        cluster.sites[2].identity = NodeIdentity(
            member: old.member, nodeKey: old.nodeKey, nextNodeKey: key, addresses: old.addresses)
        try cluster.restart(2)
        cluster.propose(cluster.action(.rotate(member)), by: [0, 1, 2], possession: key)
        #expect(cluster.reach(4))
        let carried = try #require(cluster.sites[0].adopted.first { $0.version.action != nil })
        #expect(cluster.chains[0].members[old.member]?.nodeKey == key.verifyingKey)
        #expect(cluster.sites[0].adopted.last?.version.manifest.count == 4)
        var chain = Chain(genesis: cluster.genesis)
        for certified in cluster.sites[0].adopted { chain = try chain.audited(certified, verifier: Verifier()) }
        for (_, message) in cluster.sites[2].sent {
            guard case .votes(let votes) = message, votes.signatures.signers == [2] else { continue }
            let signer = votes.vote.height > carried.height ? key : old.nodeKey
            #expect(
                votes.vote.isSigned(votes.signatures.signatures[0], by: signer.verifyingKey, network: chain.network))
        }
        // The old key may go once no base of its time is left.
        cluster.crash(2)
        cluster.sites[2].identity = NodeIdentity(member: old.member, nodeKey: key, addresses: old.addresses)
        try cluster.restart(2)
        #expect(cluster.reach(6))
    }

    /// Who leads already signs with the key that a rotation gave it; that its greeting got lost is nobody's fault.
    @Test func anAddressUnderTheNextKeyCutsNoLink() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        let (member, key) = cluster.rotated(2)
        let record = AddressRecord(member: member.id, addresses: ["127.0.0.1:9"], sequence: 9)
        let early = Signed(record, signer: member.id, key: key, network: cluster.genesis.network)
        cluster.inject(.address(early), from: 2, to: 0)
        cluster.settle()
        #expect(cluster.sites[0].node.addresses[member.id]?.body.sequence != 9)
        #expect(!cluster.sites[0].notices.contains(.linkCutOff(member.id, .invalidSignature)))
    }

    @Test func aNewKeyNeverAcknowledgesAnOlderBase() throws {
        let cluster = try Cluster(count: 4)
        #expect(cluster.reach(1))
        let (member, key) = cluster.rotated(2)
        let old = cluster.sites[2].identity
        // The payload of site 3 is late; site 2 has not acknowledged it when its key changes.
        let late = cluster.contribution(of: 3)
        cluster.crash(2)
        cluster.sites[2].identity = NodeIdentity(member: old.member, nodeKey: key, addresses: old.addresses)
        try cluster.restart(2)
        cluster.propose(cluster.action(.rotate(member)), by: [0, 1, 2], possession: key)
        cluster.dropsPiece = { from, _, _ in from == 3 }
        for index in [0, 1, 3] { cluster.contribute(index) }
        #expect(cluster.run { cluster.heights.allSatisfy { $0 == 2 } })
        #expect(cluster.chains[2].members[old.member]?.nodeKey == key.verifyingKey)
        #expect(cluster.chains[2].listed[late.slot] == nil)
        cluster.dropsPiece = { _, _, _ in false }
        #expect(cluster.run { cluster.sites[2].node.contributions[late.contributionDigest]?.status == .valid })
        cluster.settle()
        #expect(cluster.sites[2].node.contributions.slots[late.slot]?.ownAvailabilityVote == nil)
        for (_, message) in cluster.sites[2].sent {
            if case .availability(let votes) = message, votes.vote.slot == late.slot {
                #expect(!votes.signatures.signers.contains(2))
            }
        }
    }
}

extension Cluster {
    /// Whoever has not yet contributed to its head does.
    func contributeOnce(except: Set<Int> = []) {
        for index in sites.indices where sites[index].isUp && !except.contains(index) {
            let node = sites[index].node
            guard node.chain.members[sites[index].identity.member] != nil else { continue }
            let slot = Slot(author: sites[index].identity.member, base: node.chain.headDigest)
            if node.contributions.slots[slot]?.candidate == nil { contribute(index) }
        }
        settle()
    }
}
