import Crypto
import Ledger
import Testing

@testable import Gossip

/// Beyond 64 members not everybody tells everybody everything, and yet everybody gets to know it.
struct LargeMeshTests {
    static let count = 65

    /// A cluster in which the first site alone contributed and the round is closed; so many of the last are away.
    private func cluster(away: Int = 0, prepare: (Cluster) -> Void = { _ in }) throws -> (cluster: Cluster, slot: Slot)
    {
        let cluster = try Cluster(count: LargeMeshTests.count, payloadPieces: 1)
        for index in (LargeMeshTests.count - away)..<LargeMeshTests.count { cluster.crash(index) }
        // To whom each is linked is told a moment later.
        _ = cluster.run(milliseconds: 200) { false }
        prepare(cluster)
        _ = cluster.run(milliseconds: 200) { false }
        let slot = cluster.contribution(of: 0).slot
        #expect(cluster.contributeOnly(0))
        return (cluster, slot)
    }

    private func certificates(_ cluster: Cluster, of slot: Slot) -> [AvailabilityCertificate?] {
        cluster.sites.filter(\.isUp).map { $0.node.contributions.slots[slot]?.certificate }
    }

    @Test("An availability vote goes to the author, who shows everybody the certificate")
    func acksGoToTheAuthor() throws {
        let (cluster, slot) = try cluster()
        #expect(certificates(cluster, of: slot).allSatisfy { $0 != nil })
        for index in cluster.sites.indices.dropFirst() {
            // A leader sends certificates beside its proposal: those have a quorum of signatures.
            let votes = cluster.sites[index].sent.filter { sent in
                guard case .availability(let votes) = sent.message else { return false }
                return votes.signatures.signatures.count < cluster.genesis.members.quorum
            }
            #expect(votes.map(\.to) == [0])
        }
    }

    @Test("A certificate goes from each to a few, and everybody adopts the version")
    func certificatesGoToAFew() throws {
        let (cluster, _) = try cluster()
        #expect(cluster.run(milliseconds: 600_000) { cluster.heights.allSatisfy { $0 == 1 } })
        let quorum = cluster.genesis.members.quorum
        for site in cluster.sites {
            var copies: [Vote: Int] = [:]
            for case .votes(let votes) in site.sent.map(\.message)
            where votes.signatures.signatures.count >= quorum && votes.vote.kind == .notarize {
                copies[votes.vote, default: 0] += 1
            }
            #expect(copies.values.allSatisfy { $0 <= Node.fanout })
            #expect(!copies.isEmpty)
        }
    }

    /// It asks everybody at once: a few would not have enough of them.
    @Test("Availability votes that did not reach the author come to it at its next tick")
    func anAuthorAsksForAcks() throws {
        let (cluster, slot) = try cluster { cluster in
            cluster.drops = { _, _, message in if case .availability = message { true } else { false } }
        }
        #expect(certificates(cluster, of: slot).allSatisfy { $0 == nil })
        cluster.drops = { _, _, _ in false }
        let before = cluster.sites[0].sent.count
        let isAsked = cluster.run(milliseconds: 10_000) {
            cluster.sites[0].sent[before...].contains { if case .summary = $0.message { true } else { false } }
        }
        #expect(isAsked)
        #expect(certificates(cluster, of: slot).allSatisfy { $0 != nil })
    }

    @Test("Who has no link to the author is heard by it, and hears of the certificate, through others")
    func acksOfTheUnlinkedArePassedOn() throws {
        // Everybody that is left is needed for the quorum.
        let quorum = 2 * LargeMeshTests.count / 3 + 1
        let (cluster, slot) = try cluster(away: LargeMeshTests.count - quorum) { $0.unlink(0, 5) }
        #expect(certificates(cluster, of: slot).count == quorum)
        #expect(certificates(cluster, of: slot).allSatisfy { $0?.signatures.signatures.count == quorum })
    }

    @Test("An operator's signature is said once, and passed on where its maker has no link")
    func whatOperatorsSayIsNotRepeated() throws {
        let cluster = try Cluster(count: 65)
        let awake = [0, 1, 2, 3, 64]
        for index in 4..<64 { cluster.crash(index) }
        // Whom each is linked with is told a moment later.
        _ = cluster.run(milliseconds: 200) { false }
        func carriers(of action: GovernanceAction) -> [(from: Int, to: Int)] {
            awake.flatMap { from in
                cluster.sites[from].sent.compactMap { sent in
                    guard case .action(let signed) = sent.message, signed.action == action else { return nil }
                    return (from, sent.to)
                }
            }
        }
        let first = cluster.action(.rules(cluster.otherRules))
        cluster.propose(first, by: [0])
        #expect(awake.allSatisfy { cluster.sites[$0].node.governance[first.digest] != nil })
        #expect(carriers(of: first).map(\.from) == [0, 0, 0, 0])
        cluster.unlink(1, 64)
        _ = cluster.run(milliseconds: 200) { false }
        let second = cluster.action(.rules(cluster.otherRules), sequence: 2)
        cluster.propose(second, by: [1])
        #expect(awake.allSatisfy { cluster.sites[$0].node.governance[second.digest] != nil })
        #expect(carriers(of: second).filter { $0.from != 1 }.map(\.to) == [64, 64, 64])
    }
}
