import Crypto
import Ledger
import Testing

@testable import Gossip
@testable import Simulator

/// A forgery that no node understands attacks nothing but the decoder: those that shall be understood are.
struct ForgedMessageTests {
    private let fabrication = Fabrication(byzantine: [3])

    @Test func forgedMessagesAreUnderstood() throws {
        let contribution = fabrication.contribution(by: 3)
        let vote = AvailabilityVote(contribution)
        let availability = AvailabilityCertificate(vote: vote, signatures: fabrication.quorum(vote, by: [3]))
        let ready = fabrication.signed(
            Ready(height: Height(1), parent: fabrication.genesis.versionDigest, slots: []), by: 3)
        let proposal = fabrication.signed(
            Proposal(height: Height(1), view: .first, version: fabrication.version("a"), reproposed: .none), by: 3)
        let votes = fabrication.certificate(fabrication.vote(.nullify), by: [3])
        let certified = fabrication.certified()
        let payload = certified.embedded.payload
        let expected: [(bytes: [UInt8], message: Message)] = [
            (
                ForgedMessage.contribution(fabrication.signed(contribution, by: 3)),
                .contribution(fabrication.signed(contribution, by: 3))
            ),
            (
                ForgedMessage.have(contribution.contributionDigest, count: 13),
                .have(contribution.contributionDigest, pieces: Bitmap(full: 13))
            ),
            (ForgedMessage.availability(availability), .availability(availability)),
            (ForgedMessage.ready(ready), .ready(ready)),
            (ForgedMessage.proposal(proposal), .proposal(proposal)),
            (ForgedMessage.payload(payload), .payload(payload)),
            (ForgedMessage.votes(votes), .votes(votes)),
            (ForgedMessage.certified(payload, certified.certificate), .certified(payload, certified.certificate)),
            (ForgedMessage.proof(.ready(ready, ready)), .evidence(.proof(.ready(ready, ready)))),
            (ForgedMessage.half(ready), .evidence(.half(ready))),
            (ForgedMessage.proofs([.zero], isWish: true), .evidence(.want([.zero]))),
            (ForgedMessage.proofs([.zero], isWish: false), .evidence(.held([.zero]))),
        ]
        for (bytes, message) in expected { #expect(try Message(encoded: bytes) == message) }
    }

    @Test func whatAFetchAsksForByDigestIsRead() {
        let names = ["a", "b"].map { fabrication.version($0) }
        let message = Message.fetch([.payload(names[0]), .nullification(.first), .payload(names[1])])
        #expect(ForgedMessage.fetchedDigests(message.encoded) == names.map(\.digest))
        #expect(ForgedMessage.fetchedDigests([0x80]).isEmpty)
    }

    @Test func anOverclaimDiffersInItsHeightOnly() throws {
        func summary(at height: UInt64) -> Message {
            .summary(
                InventorySummary(
                    height: Height(height), head: fabrication.version("a"), view: View(2), ready: Bitmap(full: 4),
                    closed: Bitmap(full: 4), views: [], candidates: []))
        }
        let bytes = summary(at: 7).encoded
        #expect(ForgedMessage.summarizedHeight(bytes) == 7)
        #expect(try Message(encoded: ForgedMessage.summary(bytes, at: 1_000)) == summary(at: 1_000))
        #expect(ForgedMessage.summarizedHeight(ForgedMessage.requestHeaders(from: Height(7))) == nil)
    }

    /// Signatures stand as they were given: also of a number that the bitmap denies.
    @Test func aRepeatedSignatureTravels() throws {
        let vote = fabrication.vote(.nullify)
        let one = fabrication.signed(vote, by: 3).signature.bytes
        let bytes = ForgedMessage.votes(
            vote, network: fabrication.network, bitmap: [0b0111], signatures: one + one + one)
        guard case .votes(let votes) = try Message(encoded: bytes) else {
            Issue.record("no votes")
            return
        }
        #expect(votes.signatures.signers == [0, 1, 2])
        #expect(Set(votes.signatures.signatures).count == 1)
        let short = ForgedMessage.votes(vote, network: fabrication.network, bitmap: [0b0111], signatures: one)
        #expect(throws: RecordError.self) { try Message(encoded: short) }
    }

    /// A start report that is passed on carries contributions; who receives one has not heard of them as announcements.
    @Test func onlyARecordThatIsTheWholeBodyIsOneRecord() throws {
        let announced = fabrication.signed(fabrication.contribution(by: 3), by: 3)
        let report = StartReport(
            member: announced.signer, instance: InstanceID(.zero),
            standing: .settled, height: .genesis, certificate: nil, hasDuplicateInstance: false,
            statements: [.contribution(announced)])
        for (message, isOne) in [
            (Message.contribution(announced), true), (.report(fabrication.signed(report, by: 2)), false),
        ] {
            let scan = RecordScan(bytes: message.encoded)
            #expect(scan.contributions == [announced])
            #expect(scan.isOneRecord == isOne)
        }
    }
}
