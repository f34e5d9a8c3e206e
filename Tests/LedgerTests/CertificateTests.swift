import Crypto
import Testing

@testable import Ledger

@Suite struct CertificateTests {
    private func isValid(_ certificate: VoteCertificate, in builder: ChainBuilder) -> Bool {
        certificate.isValid(members: builder.genesis.members, network: builder.network, verifier: Verifier())
    }

    @Test(arguments: [1, 4, 5, 7])
    func aQuorumCertifiesAndOneLessDoesNot(count: Int) throws {
        let builder = try ChainBuilder(siteCount: count)
        let version = builder.draft(on: builder.chain, listing: []).version
        let quorum = builder.genesis.members.quorum
        #expect(isValid(builder.finalize(version, by: Array(0..<quorum)), in: builder))
        #expect(isValid(builder.finalize(version, by: Array(count - quorum..<count)), in: builder))
        #expect(isValid(builder.finalize(version, by: Array(0..<count)), in: builder))
        #expect(!isValid(builder.finalize(version, by: Array(0..<quorum - 1)), in: builder))
    }

    @Test func oneMembersSignatureCountsOnce() throws {
        let builder = try ChainBuilder()
        let version = builder.draft(on: builder.chain, listing: []).version
        let vote = builder.finalize(version).vote
        let signature = vote.signature(by: builder.sites[0].nodeKey, network: builder.network)
        let repeated = VoteCertificate(
            network: builder.network, vote: vote,
            signatures: QuorumSignatures([0: signature, 1: signature, 2: signature], memberCount: 4))
        #expect(!isValid(repeated, in: builder))
    }

    @Test func signaturesOfStrangersOrForAnotherThingAreRefused() throws {
        let builder = try ChainBuilder()
        let version = builder.draft(on: builder.chain, listing: []).version
        let vote = builder.finalize(version).vote
        let stranger = ChainBuilder.site(50)
        var signatures: [Int: Signature] = [:]
        for index in 0..<3 {
            signatures[index] = vote.signature(by: builder.sites[index].nodeKey, network: builder.network)
        }
        signatures[2] = vote.signature(by: stranger.nodeKey, network: builder.network)
        func certificate(_ signatures: QuorumSignatures, network: NetworkID? = nil) -> VoteCertificate {
            VoteCertificate(network: network ?? builder.network, vote: vote, signatures: signatures)
        }
        #expect(!isValid(certificate(QuorumSignatures(signatures, memberCount: 4)), in: builder))
        let other = NetworkID(.zero)
        #expect(!isValid(certificate(builder.signatures(over: vote, by: [0, 1, 2], network: other)), in: builder))
        #expect(!isValid(certificate(builder.signatures(over: vote, by: [0, 1, 2]), network: other), in: builder))
        let notarize = Vote(kind: .notarize, height: vote.height, view: vote.view, version: vote.version)
        #expect(!isValid(certificate(builder.signatures(over: notarize, by: [0, 1, 2])), in: builder))
        // Three right signatures and one wrong are not three right ones: one encoding, one meaning.
        var mixed = signatures
        mixed[2] = vote.signature(by: builder.sites[2].nodeKey, network: builder.network)
        mixed[3] = mixed[2]
        #expect(!isValid(certificate(QuorumSignatures(mixed, memberCount: 4)), in: builder))
    }

    @Test func bitmapHasExactlyOneBitAMember() throws {
        let builder = try ChainBuilder()
        let version = builder.draft(on: builder.chain, listing: []).version
        let good = builder.finalize(version)
        let wide = QuorumSignatures(
            Dictionary(uniqueKeysWithValues: good.signatures.byIndex.map { ($0.index, $0.signature) }), memberCount: 12)
        #expect(!isValid(VoteCertificate(network: builder.network, vote: good.vote, signatures: wide), in: builder))
        let beyond = QuorumSignatures(
            [0: good.signatures.signatures[0], 1: good.signatures.signatures[1], 6: good.signatures.signatures[2]],
            memberCount: 4)
        #expect(!isValid(VoteCertificate(network: builder.network, vote: good.vote, signatures: beyond), in: builder))
    }

    @Test func onlyAFinalizeCertificateOfTheNextHeightCertifies() throws {
        let builder = try ChainBuilder()
        let chain = builder.chain
        let version = builder.draft(on: chain, listing: []).version
        let verifier = Verifier()
        #expect(chain.isCertified(version, by: builder.finalize(version), verifier: verifier))
        #expect(!chain.isCertified(version, by: builder.finalize(version, kind: .notarize), verifier: verifier))
        #expect(!chain.isCertified(version, by: builder.finalize(version, by: [0, 1]), verifier: verifier))
        #expect(!chain.isCertified(chain.head, by: builder.finalize(chain.head), verifier: verifier))
        var other = builder.draft(on: chain, listing: [])
        other.roots = StateRoots(parameters: .zero)
        #expect(!chain.isCertified(version, by: builder.finalize(other.version), verifier: verifier))
    }

    @Test func verifierRemembersOnlyWhatWasValid() throws {
        let builder = try ChainBuilder()
        let version = builder.draft(on: builder.chain, listing: []).version
        let certificate = builder.finalize(version)
        let verifier = Verifier()
        let members = builder.genesis.members
        #expect(certificate.isValid(members: members, network: builder.network, verifier: verifier))
        #expect(verifier.computed == 3)
        #expect(certificate.isValid(members: members, network: builder.network, verifier: verifier))
        #expect(verifier.computed == 3)
        let bad = VoteCertificate(
            network: builder.network, vote: certificate.vote,
            signatures: QuorumSignatures(
                [
                    1: certificate.signatures.signatures[0], 2: certificate.signatures.signatures[1],
                    3: certificate.signatures.signatures[2],
                ], memberCount: 4))
        #expect(!bad.isValid(members: members, network: builder.network, verifier: verifier))
        #expect(!bad.isValid(members: members, network: builder.network, verifier: verifier))
        #expect(verifier.computed == 5)
    }

    @Test func checks_computedElsewhere_areTheVerifiersOwn() throws {
        let builder = try ChainBuilder()
        let certificate = builder.finalize(builder.draft(on: builder.chain, listing: []).version)
        let bad = VoteCertificate(
            network: builder.network, vote: certificate.vote,
            signatures: QuorumSignatures(
                [0: certificate.signatures.signatures[1]], memberCount: builder.genesis.members.count))
        let verifier = Verifier()
        func isValid(_ certificate: VoteCertificate) -> Bool {
            certificate.isValid(members: builder.genesis.members, network: builder.network, verifier: verifier)
        }
        let checks = verifier.checks { #expect(isValid(certificate)) }
        #expect(checks.count == 3)
        #expect(checks.allSatisfy { $0.isValid() })
        let vote = certificate.vote
        let forged = verifier.checks {
            for (index, signature) in bad.signatures.byIndex {
                let key = builder.genesis.members.members[index].nodeKey
                _ = verifier.isSigned(signature, over: vote, by: key, network: builder.network)
            }
        }
        #expect(forged.map { $0.isValid() } == [false])
        // Listed and not learned: nothing is known.
        #expect(verifier.computed == 0 && verifier.failed == 0)
        for check in checks { verifier.learn(check, isValid: true) }
        for check in forged { verifier.learn(check, isValid: false) }
        #expect(isValid(certificate))
        #expect(
            !verifier.isSigned(
                bad.signatures.signatures[0], over: vote, by: builder.genesis.members.members[0].nodeKey,
                network: builder.network))
        #expect(verifier.computed == 0 && verifier.failed == 1)
        #expect(verifier.checks { _ = isValid(certificate) }.isEmpty)
    }
}
