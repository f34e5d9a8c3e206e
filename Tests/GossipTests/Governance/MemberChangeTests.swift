import Crypto
import Ledger
import Testing

@testable import Gossip

@Suite struct MemberChangeTests {
    @Test func aNewcomerIsAdmittedAndContributes() throws {
        let town = try Town(count: 4)
        #expect(town.reach(2))
        let (member, identity) = town.newMember("site-4", seed: 41)
        let newcomer = town.addNewcomer(identity)
        #expect(town.run { Set(town.heights).count == 1 }, "it follows the chain before it is a member")
        town.propose(town.action(.admit(member)), by: [0, 1, 2], possession: identity.nodeKey)
        #expect(town.reach(6))
        let carrying = try #require(town.sites[0].adopted.first { $0.version.action != nil })
        let readiness = try #require(carrying.embedded.action?.readiness)
        #expect(readiness.signatures.count >= 4, "a quorum of the five")
        let isListed = town.run {
            town.contributeOnce()
            return town.sites[0].adopted.contains { certified in
                certified.version.manifest.contains { $0.slot.author == identity.member }
            }
        }
        #expect(isListed)
        #expect(town.chains.allSatisfy { $0.members.count == 5 })
        #expect(town.sites[newcomer].node.addresses[identity.member] != nil)
        #expect(town.sites[0].node.addresses[identity.member] != nil)
        var chain = Chain(genesis: town.genesis)
        for certified in town.sites[newcomer].adopted {
            chain = try chain.audited(certified, verifier: Verifier())
        }
    }

    @Test func withoutTheNewcomersOwnReadinessItIsNotAdmitted() throws {
        let town = try Town(count: 4)
        town.settle()
        let (member, identity) = town.newMember("site-4", seed: 41)
        town.propose(town.action(.admit(member)), by: [0, 1, 2, 3], possession: identity.nodeKey)
        #expect(town.reach(2))
        #expect(town.chains.allSatisfy { $0.members.count == 4 })
        let report = try #require(town.sites[0].node.report(now: town.now).proposals.first)
        #expect(report.readiness.count == 4 && !report.isComplete && report.fault == nil)
    }

    @Test func whoIsNoMemberTakesNoPart() throws {
        let town = try Town(count: 4)
        town.settle()
        let (_, identity) = town.newMember("site-4", seed: 41)
        let observer = town.addNewcomer(identity)
        #expect(town.reach(2))
        // It passes on what others said, and says nothing of its own.
        for (_, message) in town.sites[observer].sent {
            switch message {
            case .proposal(let signed): #expect(signed.signer != identity.member)
            case .ready(let signed): #expect(signed.signer != identity.member)
            case .contribution(let signed): #expect(signed.signer != identity.member)
            default: break
            }
        }
        #expect(town.sites[observer].journal.allSatisfy { if case .stored = $0 { false } else { true } })
        #expect(town.sites[observer].journal.allSatisfy { if case .vote = $0 { false } else { true } })
        // What it sends of agreement is not even looked at.
        let leader = town.sites[0].node.height.leader(of: .first)
        let proposal = Signed(
            Proposal(height: Height(3), view: .first, version: VersionDigest(.zero), reproposed: .none),
            signer: town.sites[leader].identity.member, key: town.sites[leader].identity.nodeKey,
            network: town.genesis.network)
        town.inject(.proposal(proposal), from: observer, to: 0)
        town.settle()
        #expect(town.sites[0].node.height.views[.first]?.proposals.isEmpty ?? true)
    }

    @Test func aRemovedMemberAnswersUntilAQuorumHoldsTheVersionAndSignsNothing() throws {
        let town = try Town(count: 5)
        #expect(town.reach(1))
        let leaver = town.sites[4].identity.member
        town.propose(town.action(.remove(leaver)), by: [0, 1, 2, 3])
        #expect(
            town.run {
                town.contributeOnce()
                return town.sites[4].notices.contains(.removed(Height(2)))
            })
        #expect(town.run { town.sites[4].notices.contains(.mayLeave(Height(2))) })
        #expect(town.reach(4))
        #expect(town.chains[0].members.count == 4)
        for entry in town.sites[4].journal {
            switch entry {
            case .vote(let vote): #expect(vote.body.height <= Height(2))
            case .ready(let ready): #expect(ready.body.height <= Height(2))
            case .stored(let ack): #expect(ack.body.baseHeight < Height(2))
            default: break
            }
        }
        for certified in town.sites[0].adopted.suffix(2) {
            #expect(!certified.version.manifest.contains { $0.slot.author == leaver })
        }
    }

    @Test func whatOnlyTheRemovedMemberHoldsReachesTheOthers() throws {
        let town = try Town(count: 5)
        #expect(town.reach(1))
        let leaver = town.sites[4].identity.member
        town.propose(town.action(.remove(leaver)), by: [0, 1, 2, 3])
        // Of the votes that finalize the removal, and of their certificate, only the leaver hears.
        town.drops = { _, to, message in
            switch message {
            case .votes(let votes): to != 4 && votes.vote.kind == .finalize && votes.vote.height == Height(2)
            case .certified: true
            default: false
            }
        }
        #expect(
            town.run {
                town.contributeOnce()
                return town.heights[4] == 2
            })
        #expect(town.heights.prefix(4).allSatisfy { $0 == 1 })
        #expect(!town.sites[4].notices.contains(.mayLeave(Height(2))))
        // Votes stay lost: the certificate must come from the removed member.
        town.drops = { from, to, message in
            guard case .votes(let votes) = message else { return false }
            return from != 4 && to != 4 && votes.vote.kind == .finalize && votes.vote.height == Height(2)
        }
        #expect(town.run { town.heights.allSatisfy { $0 >= 2 } })
        #expect(town.run { town.sites[4].notices.contains(.mayLeave(Height(2))) })
        town.crash(4)
        town.drops = { _, _, _ in false }
        #expect(town.reach(4))
    }

    @Test func shrinkingToThreeGoesOn() throws {
        let town = try Town(count: 5)
        #expect(town.reach(1))
        for leaving in [4, 3] {
            let left = town.sites[leaving].identity.member
            town.propose(town.action(.remove(left)), by: Array(0...3))
            #expect(
                town.run {
                    town.contributeOnce()
                    return town.sites[leaving].notices.contains {
                        if case .mayLeave = $0 { true } else { false }
                    }
                })
            town.crash(leaving)
        }
        #expect(town.chains[0].members.count == 3)
        #expect(town.reach(town.heights[0] + 2))
    }

    @Test func aRotatedNodeKeySignsFromTheNextSetOn() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        let (member, key) = town.rotated(2)
        // The daemon holds both keys from before the rotation on.
        let old = town.sites[2].identity
        town.crash(2)
        town.sites[2].identity = NodeIdentity(
            member: old.member, nodeKey: old.nodeKey, nextNodeKey: key, addresses: old.addresses)
        try town.restart(2)
        town.propose(town.action(.rotate(member)), by: [0, 1, 2], possession: key)
        #expect(town.reach(4))
        let carried = try #require(town.sites[0].adopted.first { $0.version.action != nil })
        #expect(town.chains[0].members[old.member]?.nodeKey == key.verifyingKey)
        #expect(town.sites[0].adopted.last?.version.manifest.count == 4)
        var chain = Chain(genesis: town.genesis)
        for certified in town.sites[0].adopted { chain = try chain.audited(certified, verifier: Verifier()) }
        for (_, message) in town.sites[2].sent {
            guard case .votes(let votes) = message, votes.signatures.signers == [2] else { continue }
            let signer = votes.vote.height > carried.height ? key : old.nodeKey
            #expect(
                votes.vote.isSigned(votes.signatures.signatures[0], by: signer.verifyingKey, network: chain.network))
        }
        // The old key may go once no base of its time is left.
        town.crash(2)
        town.sites[2].identity = NodeIdentity(member: old.member, nodeKey: key, addresses: old.addresses)
        try town.restart(2)
        #expect(town.reach(6))
    }

    /// Who leads already signs with the key that a rotation gave it; that its greeting got lost is nobody's fault.
    @Test func anAddressUnderTheNextKeyCutsNoLink() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        let (member, key) = town.rotated(2)
        let record = AddressRecord(member: member.id, addresses: ["127.0.0.1:9"], sequence: 9)
        let early = Signed(record, signer: member.id, key: key, network: town.genesis.network)
        town.inject(.address(early), from: 2, to: 0)
        town.settle()
        #expect(town.sites[0].node.addresses[member.id]?.body.sequence != 9)
        #expect(!town.sites[0].notices.contains(.linkCutOff(member.id, .invalidSignature)))
    }

    @Test func aNewKeyNeverAcknowledgesAnOlderBase() throws {
        let town = try Town(count: 4)
        #expect(town.reach(1))
        let (member, key) = town.rotated(2)
        let old = town.sites[2].identity
        // The payload of site 3 is late; site 2 has not acknowledged it when its key changes.
        let late = town.contribution(of: 3)
        town.crash(2)
        town.sites[2].identity = NodeIdentity(member: old.member, nodeKey: key, addresses: old.addresses)
        try town.restart(2)
        town.propose(town.action(.rotate(member)), by: [0, 1, 2], possession: key)
        town.dropsPiece = { from, _, _ in from == 3 }
        for index in [0, 1, 3] { town.contribute(index) }
        #expect(town.run { town.heights.allSatisfy { $0 == 2 } })
        #expect(town.chains[2].members[old.member]?.nodeKey == key.verifyingKey)
        #expect(town.chains[2].listed[late.slot] == nil)
        town.dropsPiece = { _, _, _ in false }
        #expect(town.run { town.sites[2].node.contributions[late.contributionDigest]?.status == .valid })
        town.settle()
        #expect(town.sites[2].node.contributions.slots[late.slot]?.ownAck == nil)
        for (_, message) in town.sites[2].sent {
            if case .acks(let acks) = message, acks.stored.slot == late.slot {
                #expect(!acks.signatures.signers.contains(2))
            }
        }
    }
}

extension Town {
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
