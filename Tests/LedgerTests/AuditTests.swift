import Crypto
import Testing

@testable import Ledger

@Suite struct AuditTests {
    private let builder: ChainBuilder
    private let chain: Chain
    private let draft: Draft

    init() throws {
        builder = try ChainBuilder()
        chain = builder.chain
        draft = builder.draft(
            on: chain, listing: [0, 2].map { [builder, chain] in builder.contribution(by: $0, on: chain.bases[0]) })
    }

    private func fault(_ certified: CertifiedVersion) -> AuditFault? {
        do {
            _ = try chain.audited(certified, verifier: Verifier())
            return nil
        } catch { return error }
    }

    private var certificate: VoteCertificate { builder.finalize(draft.version) }

    @Test func aChainOfFiveVersionsStands() throws {
        var chain = self.chain
        let verifier = Verifier()
        var digests = [chain.headDigest]
        for height in 1...5 {
            let draft = builder.draft(
                on: chain,
                listing: (0..<4).filter { $0 != height % 4 }.map { builder.contribution(by: $0, on: chain.bases.last!) }
            )
            let certified = draft.certified(by: builder.finalize(draft.version, by: [1, 2, 3]))
            chain = try chain.audited(try CertifiedVersion(encoded: certified.encoded), verifier: verifier)
            #expect(chain.height == Height(UInt64(height)))
            #expect(chain.head.parent == digests.last)
            digests.append(chain.headDigest)
        }
        #expect(Set(digests).count == 6)
    }

    @Test func tooFewVotesAreNoCertificate() {
        #expect(fault(draft.certified(by: certificate)) == nil)
        #expect(fault(draft.certified(by: builder.finalize(draft.version, by: [0, 3]))) == .notCertified(Height(1)))
        #expect(
            fault(draft.certified(by: builder.finalize(draft.version, kind: .notarize))) == .notCertified(Height(1)))
    }

    @Test func everythingNamedMustBeThere() {
        var other = draft
        other.contributions.removeLast()
        #expect(fault(other.certified(by: certificate)) == .missingEmbedded(Height(1)))
        other = draft
        other.availability.removeLast()
        #expect(fault(other.certified(by: certificate)) == .missingEmbedded(Height(1)))
        let embedded = draft.embedded
        let without = EmbeddedPayload(
            payload: embedded.payload, ready: Array(embedded.ready.dropLast()), availability: embedded.availability)
        #expect(
            fault(CertifiedVersion(embedded: without, certificate: certificate, contributions: draft.contributions))
                == .missingEmbedded(Height(1)))
    }

    /// Copies of a record in which one list has no element, one less, or one twice: every list but those of the
    /// certificate and the payload, which are checked by signatures and digest.
    private func tampered(_ value: CBOR) -> [CBOR] {
        switch value {
        case .map(let entries):
            entries.indices.filter { !["certificate", "payload"].contains(entries[$0].key) }.flatMap { index in
                tampered(entries[index].value).map { changed in
                    var copy = entries
                    copy[index] = CBOR.Entry(key: entries[index].key, value: changed)
                    return .map(copy)
                }
            }
        case .array(let elements) where !elements.isEmpty:
            [.array([]), .array(elements.dropLast()), .array(elements + [elements[0]])]
        default: []
        }
    }

    @Test("A copy of a certified version with a changed list of embedded records is not what the version names")
    func tamperedCopiesAreNotGenuine() throws {
        let certified = draft.certified(by: certificate)
        #expect(certified.holdsWhatItNames)
        // Ready records, closings, availability certificates and contributions; what records get later is covered too.
        let copies = tampered(certified.cbor).compactMap { try? CertifiedVersion(cbor: $0) }
        #expect(copies.count >= 4 * 3)
        for copy in copies { #expect(!copy.holdsWhatItNames) }
    }

    @Test func aFaultOfThePayloadIsTheVersionsFault() {
        var other = draft
        other.parent = VersionDigest(.zero)
        #expect(
            fault(other.certified(by: builder.finalize(other.version)))
                == .payload(Height(1), .wrongParent(VersionDigest(.zero))))
    }

    @Test func contributionRecordsAreThoseOfTheManifest() {
        var other = draft
        other.contributions.swapAt(0, 1)
        #expect(fault(other.certified(by: certificate)) == .wrongContribution(Height(1), draft.manifest[0].slot))

        other = draft
        let good = draft.contributions[0]
        other.contributions[0] = Signed(
            good.body, signer: good.signer, key: builder.sites[1].nodeKey, network: builder.network)
        #expect(
            fault(other.certified(by: certificate)) == .invalidContributionSignature(Height(1), draft.manifest[0].slot))

        let small = builder.contribution(by: 0, on: chain.bases[0], pieceBytes: 1024)
        other = builder.draft(on: chain, listing: [small])
        #expect(
            fault(other.certified(by: builder.finalize(other.version)))
                == .contributionOutsideRules(Height(1), small.body.slot))
    }

    @Test func aContributionIsSignedByItsAuthorInTheSetOfItsBase() {
        let verifier = Verifier()
        let good = builder.contribution(by: 0, on: chain.bases[0])
        #expect(chain.isSignedByAuthor(good, verifier: verifier))
        let lent = Signed(
            good.body, signer: builder.sites[1].member.id, key: builder.sites[1].nodeKey, network: builder.network)
        #expect(!chain.isSignedByAuthor(lent, verifier: verifier))
        let unknown = Chain.Base(
            digest: VersionDigest(.zero), height: .genesis, members: chain.members, rules: chain.rules,
            payloadBytesMaximum: chain.bases[0].payloadBytesMaximum)
        #expect(!chain.isSignedByAuthor(builder.contribution(by: 0, on: unknown), verifier: verifier))
        #expect(!chain.isWithinRules(builder.contribution(by: 0, on: unknown).body))
        #expect(!chain.isWithinRules(builder.contribution(by: 0, on: chain.bases[0], network: NetworkID(.zero)).body))
        #expect(chain.isWithinRules(good.body))
    }
}
