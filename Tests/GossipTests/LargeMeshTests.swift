import Crypto
import Ledger
import Testing

@testable import Gossip

/// Beyond 64 members not everybody tells everybody everything, and yet everybody gets to know it.
struct LargeMeshTests {
    static let count = 65

    /// A town in which the first site alone contributed and the round is closed; so many of the last are away.
    private func town(away: Int = 0, prepare: (Town) -> Void = { _ in }) throws -> (town: Town, slot: Slot) {
        let town = try Town(count: LargeMeshTests.count, payloadPieces: 1)
        for index in (LargeMeshTests.count - away)..<LargeMeshTests.count { town.crash(index) }
        // To whom each is linked is told a moment later.
        _ = town.run(milliseconds: 200) { false }
        prepare(town)
        _ = town.run(milliseconds: 200) { false }
        let slot = town.contribution(of: 0).slot
        #expect(town.contributeOnly(0))
        return (town, slot)
    }

    private func certificates(_ town: Town, of slot: Slot) -> [AvailabilityCertificate?] {
        town.sites.filter(\.isUp).map { $0.node.contributions.slots[slot]?.certificate }
    }

    @Test("An ack goes to the author, who shows everybody the certificate")
    func acksGoToTheAuthor() throws {
        let (town, slot) = try town()
        #expect(certificates(town, of: slot).allSatisfy { $0 != nil })
        for index in town.sites.indices.dropFirst() {
            // A leader sends certificates beside its proposal: those have a quorum of signatures.
            let acks = town.sites[index].sent.filter { sent in
                guard case .acks(let acks) = sent.message else { return false }
                return acks.signatures.signatures.count < town.genesis.members.quorum
            }
            #expect(acks.map(\.to) == [0])
        }
    }

    @Test("A certificate goes from each to a few, and everybody adopts the version")
    func certificatesGoToAFew() throws {
        let (town, _) = try town()
        #expect(town.run(milliseconds: 600_000) { town.heights.allSatisfy { $0 == 1 } })
        let quorum = town.genesis.members.quorum
        for site in town.sites {
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
    @Test("Acks that did not reach the author come to it at its next tick")
    func anAuthorAsksForAcks() throws {
        let (town, slot) = try town { town in
            town.drops = { _, _, message in if case .acks = message { true } else { false } }
        }
        #expect(certificates(town, of: slot).allSatisfy { $0 == nil })
        town.drops = { _, _, _ in false }
        let before = town.sites[0].sent.count
        let isAsked = town.run(milliseconds: 10_000) {
            town.sites[0].sent[before...].contains { if case .summary = $0.message { true } else { false } }
        }
        #expect(isAsked)
        #expect(certificates(town, of: slot).allSatisfy { $0 != nil })
    }

    @Test("Who has no link to the author is heard by it, and hears of the certificate, through others")
    func acksOfTheUnlinkedArePassedOn() throws {
        // Everybody that is left is needed for the quorum.
        let quorum = 2 * LargeMeshTests.count / 3 + 1
        let (town, slot) = try town(away: LargeMeshTests.count - quorum) { $0.unlink(0, 5) }
        #expect(certificates(town, of: slot).count == quorum)
        #expect(certificates(town, of: slot).allSatisfy { $0?.signatures.signatures.count == quorum })
    }

    @Test("An operator's signature is said once, and passed on where its maker has no link")
    func whatOperatorsSayIsNotRepeated() throws {
        let town = try Town(count: 65)
        let awake = [0, 1, 2, 3, 64]
        for index in 4..<64 { town.crash(index) }
        // Whom each is linked with is told a moment later.
        _ = town.run(milliseconds: 200) { false }
        func carriers(of action: GovernanceAction) -> [(from: Int, to: Int)] {
            awake.flatMap { from in
                town.sites[from].sent.compactMap { sent in
                    guard case .action(let signed) = sent.message, signed.action == action else { return nil }
                    return (from, sent.to)
                }
            }
        }
        let first = town.action(.rules(town.otherRules))
        town.propose(first, by: [0])
        #expect(awake.allSatisfy { town.sites[$0].node.governance[first.digest] != nil })
        #expect(carriers(of: first).map(\.from) == [0, 0, 0, 0])
        town.unlink(1, 64)
        _ = town.run(milliseconds: 200) { false }
        let second = town.action(.rules(town.otherRules), sequence: 2)
        town.propose(second, by: [1])
        #expect(awake.allSatisfy { town.sites[$0].node.governance[second.digest] != nil })
        #expect(carriers(of: second).filter { $0.from != 1 }.map(\.to) == [64, 64, 64])
    }
}
