import Crypto
import Testing

@testable import Ledger

@Suite struct CertificateTests {
    private func isValid(_ certificate: VoteCertificate, in world: World) -> Bool {
        certificate.isValid(members: world.genesis.members, network: world.network, verifier: Verifier())
    }

    @Test(arguments: [1, 4, 5, 7])
    func aQuorumCertifiesAndOneLessDoesNot(count: Int) throws {
        let world = try World(siteCount: count)
        let version = world.draft(on: world.chain, listing: []).version
        let quorum = world.genesis.members.quorum
        #expect(isValid(world.finalize(version, by: Array(0..<quorum)), in: world))
        #expect(isValid(world.finalize(version, by: Array(count - quorum..<count)), in: world))
        #expect(isValid(world.finalize(version, by: Array(0..<count)), in: world))
        #expect(!isValid(world.finalize(version, by: Array(0..<quorum - 1)), in: world))
    }

    @Test func oneMembersSignatureCountsOnce() throws {
        let world = try World()
        let version = world.draft(on: world.chain, listing: []).version
        let vote = world.finalize(version).vote
        let signature = vote.signature(by: world.sites[0].nodeKey, network: world.network)
        let repeated = VoteCertificate(
            network: world.network, vote: vote,
            signatures: QuorumSignatures([0: signature, 1: signature, 2: signature], memberCount: 4))
        #expect(!isValid(repeated, in: world))
    }

    @Test func signaturesOfStrangersOrForAnotherThingAreRefused() throws {
        let world = try World()
        let version = world.draft(on: world.chain, listing: []).version
        let vote = world.finalize(version).vote
        let stranger = World.Site(index: 50)
        var signatures: [Int: Signature] = [:]
        for index in 0..<3 {
            signatures[index] = vote.signature(by: world.sites[index].nodeKey, network: world.network)
        }
        signatures[2] = vote.signature(by: stranger.nodeKey, network: world.network)
        func certificate(_ signatures: QuorumSignatures, network: NetworkID? = nil) -> VoteCertificate {
            VoteCertificate(network: network ?? world.network, vote: vote, signatures: signatures)
        }
        #expect(!isValid(certificate(QuorumSignatures(signatures, memberCount: 4)), in: world))
        let other = NetworkID(.zero)
        #expect(!isValid(certificate(world.signatures(over: vote, by: [0, 1, 2], network: other)), in: world))
        #expect(!isValid(certificate(world.signatures(over: vote, by: [0, 1, 2]), network: other), in: world))
        let notarize = Vote(kind: .notarize, height: vote.height, view: vote.view, version: vote.version)
        #expect(!isValid(certificate(world.signatures(over: notarize, by: [0, 1, 2])), in: world))
        // Three right signatures and one wrong are not three right ones: one encoding, one meaning.
        var mixed = signatures
        mixed[2] = vote.signature(by: world.sites[2].nodeKey, network: world.network)
        mixed[3] = mixed[2]
        #expect(!isValid(certificate(QuorumSignatures(mixed, memberCount: 4)), in: world))
    }

    @Test func bitmapHasExactlyOneBitAMember() throws {
        let world = try World()
        let version = world.draft(on: world.chain, listing: []).version
        let good = world.finalize(version)
        let wide = QuorumSignatures(
            Dictionary(uniqueKeysWithValues: good.signatures.byIndex.map { ($0.index, $0.signature) }), memberCount: 12)
        #expect(!isValid(VoteCertificate(network: world.network, vote: good.vote, signatures: wide), in: world))
        let beyond = QuorumSignatures(
            [0: good.signatures.signatures[0], 1: good.signatures.signatures[1], 6: good.signatures.signatures[2]],
            memberCount: 4)
        #expect(!isValid(VoteCertificate(network: world.network, vote: good.vote, signatures: beyond), in: world))
    }

    @Test func onlyAFinalizeCertificateOfTheNextHeightCertifies() throws {
        let world = try World()
        let chain = world.chain
        let version = world.draft(on: chain, listing: []).version
        let verifier = Verifier()
        #expect(chain.isCertified(version, by: world.finalize(version), verifier: verifier))
        #expect(!chain.isCertified(version, by: world.finalize(version, kind: .notarize), verifier: verifier))
        #expect(!chain.isCertified(version, by: world.finalize(version, by: [0, 1]), verifier: verifier))
        #expect(!chain.isCertified(chain.head, by: world.finalize(chain.head), verifier: verifier))
        var other = world.draft(on: chain, listing: [])
        other.roots = StateRoots(parameters: .zero)
        #expect(!chain.isCertified(version, by: world.finalize(other.version), verifier: verifier))
    }

    @Test func verifierRemembersOnlyWhatWasValid() throws {
        let world = try World()
        let version = world.draft(on: world.chain, listing: []).version
        let certificate = world.finalize(version)
        let verifier = Verifier()
        let members = world.genesis.members
        #expect(certificate.isValid(members: members, network: world.network, verifier: verifier))
        #expect(verifier.computed == 3)
        #expect(certificate.isValid(members: members, network: world.network, verifier: verifier))
        #expect(verifier.computed == 3)
        let bad = VoteCertificate(
            network: world.network, vote: certificate.vote,
            signatures: QuorumSignatures(
                [
                    1: certificate.signatures.signatures[0], 2: certificate.signatures.signatures[1],
                    3: certificate.signatures.signatures[2],
                ], memberCount: 4))
        #expect(!bad.isValid(members: members, network: world.network, verifier: verifier))
        #expect(!bad.isValid(members: members, network: world.network, verifier: verifier))
        #expect(verifier.computed == 5)
    }

    @Test func checks_computedElsewhere_areTheVerifiersOwn() throws {
        let world = try World()
        let certificate = world.finalize(world.draft(on: world.chain, listing: []).version)
        let bad = VoteCertificate(
            network: world.network, vote: certificate.vote,
            signatures: QuorumSignatures(
                [0: certificate.signatures.signatures[1]], memberCount: world.genesis.members.count))
        let verifier = Verifier()
        func isValid(_ certificate: VoteCertificate) -> Bool {
            certificate.isValid(members: world.genesis.members, network: world.network, verifier: verifier)
        }
        let checks = verifier.checks { #expect(isValid(certificate)) }
        #expect(checks.count == 3)
        #expect(checks.allSatisfy { $0.isValid() })
        let vote = certificate.vote
        let forged = verifier.checks {
            for (index, signature) in bad.signatures.byIndex {
                let key = world.genesis.members.members[index].nodeKey
                _ = verifier.isSigned(signature, over: vote, by: key, network: world.network)
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
                bad.signatures.signatures[0], over: vote, by: world.genesis.members.members[0].nodeKey,
                network: world.network))
        #expect(verifier.computed == 0 && verifier.failed == 1)
        #expect(verifier.checks { _ = isValid(certificate) }.isEmpty)
    }
}
