import Control
import Crypto
import EventLoop
import Foundation
import Ledger
import SiteFiles
import Testing

@testable import meshctl

@Suite struct GovernanceTests {
    private let place: Workplace
    private let genesis: Genesis

    init() throws {
        place = try Workplace()
        genesis = try place.found()
    }

    /// A proposal to remove pl, as a daemon exports it.
    private func proposal() throws -> ProposalFile {
        let pl = try #require(genesis.members.member(named: "pl"))
        let action = GovernanceAction(
            change: .remove(pl.id), sequence: 1, first: Height(5), last: Height(1005))
        return ProposalFile(
            network: genesis.network, height: Height(5), members: genesis.members, rules: genesis.rules,
            signed: SignedGovernanceAction(action: action, operators: []))
    }

    private func write(_ file: ProposalFile, to name: String) throws {
        try place.write(Armour.encode(file, as: Armour.proposal), to: name)
    }

    private func read(_ name: String) throws -> ProposalFile {
        try Armour.read(ProposalFile.self, Armour.proposal, from: place.path(name))
    }

    @Test func operatorsSignAFileWithoutADaemonAndWithoutANetwork() throws {
        try write(try proposal(), to: "p")
        let shown = try place.run("proposal", "approve", "--file", "p", "--key", "de")
        #expect(shown.status == 1 && shown.output.contains("remove pl"), "nobody is there to be asked")
        #expect(shown.errors.contains("nothing was signed"))
        #expect(try read("p").signed.operators.isEmpty)
        for site in ["de", "es"] {
            let result = try place.run("proposal", "approve", "--file", "p", "--key", site, "--yes")
            #expect(result.status == 0, "\(result.errors)")
        }
        // Signing again changes nothing.
        try place.run("proposal", "approve", "--file", "p", "--key", "es", "--yes")
        let signed = try read("p").signed
        #expect(try signed.action == proposal().signed.action)
        #expect(signed.operators.count == 2)
        let chain = Chain(genesis: genesis)
        for signature in signed.operators {
            #expect(chain.isSigned(signed.action, by: signature, verifier: Verifier()))
        }
    }

    @Test func onlyAMembersOperatorSigns() throws {
        try write(try proposal(), to: "p")
        try place.run("keygen", "--site", "it")
        let result = try place.run("proposal", "approve", "--file", "p", "--key", "it", "--yes")
        #expect(result.status == 1 && result.errors.contains("no member has the operator key"), "\(result.errors)")
        #expect(try place.run("proposal", "approve", "--file", "p", "--yes").errors.contains("--key DIR"))
        #expect(try read("p").signed.operators.isEmpty)
    }

    /// A file may say that a rotation is through which the members never agreed on.
    @Test func aFileDoesNotMakeAnOperatorGiveUpItsKey() throws {
        try place.run("keygen", "--site", "it")
        try FileManager.default.copyItem(
            atPath: place.path("it/operator.key"), toPath: place.path("de/operator.key.next"))
        let next = try KeyFile.load(.operatorKey, from: place.path("de/operator.key.next")).signingKey().verifyingKey
        let before = FileManager.default.contents(atPath: place.path("de/operator.key"))
        let members = try MemberSet(
            members: genesis.members.members.map { member in
                guard member.name == "de" else { return member }
                return Member(
                    id: member.id, name: member.name, operatorKey: next, nodeKey: member.nodeKey,
                    linkKey: member.linkKey, keyEpoch: member.keyEpoch + 1)
            })
        let file = try proposal()
        try write(
            ProposalFile(
                network: file.network, height: file.height, members: members, rules: file.rules, signed: file.signed),
            to: "p")
        let result = try place.run("proposal", "approve", "--file", "p", "--key", "de", "--yes")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try read("p").signed.operators.map(\.keyEpoch) == [1])
        #expect(FileManager.default.contents(atPath: place.path("de/operator.key")) == before)
        // The key is the member's still, and signs what comes next.
        try write(file, to: "q")
        #expect(try place.run("proposal", "approve", "--file", "q", "--key", "de", "--yes").status == 0)
    }

    @Test func aDamagedProposalIsNotSigned() throws {
        let bytes = try proposal().encoded
        for seed in 0..<60 {
            var random = SeededRandom(simulationSeed: UInt64(seed))
            var altered = bytes
            altered[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            // Whatever still decodes is another action, and is signed as that one.
            guard let file = try? ProposalFile(encoded: altered) else { continue }
            #expect(file.encoded == altered)
        }
        try place.write("-----BEGIN MESH PROPOSAL-----\nAAAA\n-----END MESH PROPOSAL-----\n", to: "p")
        #expect(try place.run("proposal", "approve", "--file", "p", "--key", "de", "--yes").errors.contains("damaged"))
    }

    @Test(arguments: [
        ("node_weight_maximum_q30=1", "below the fair share of 1/4"), ("retention_versions=1", "out of range"),
        ("operator_threshold_numerator=1", "two groups could decide"), ("quorum=2", "there is no rule quorum"),
        ("review=never", "cannot be \"never\""), ("review", "is no change of a rule"),
        ("piece_bytes=1024", "in force already"),
        ("inner_steps=many", "must be a whole number"),
    ])
    func rulesThatCannotBeAreRefusedWithTheirReason(change: String, reason: String) throws {
        do {
            _ = try ProposeRulesCommand.changed(genesis.rules, [change], members: genesis.members)
            Issue.record("\(change) was taken")
        } catch let failure as Failure {
            #expect(failure.message.contains(reason), "\(failure.message)")
        }
    }

    @Test func loweringHowManyMayFailIsWarnedOf() {
        func figures(_ count: Int) -> MeshFigures {
            MeshFigures(
                members: Int64(count), faultBound: Int64((count - 1) / 3), quorum: Int64(2 * count / 3 + 1),
                operatorsNeeded: Int64(2 * count / 3 + 1))
        }
        #expect(FigureWords.warnings(figures(4), figures(5)).isEmpty)
        #expect(FigureWords.warnings(figures(6), figures(5)).isEmpty)
        #expect(FigureWords.warnings(figures(7), figures(6)).count == 1)
        #expect(FigureWords.warnings(figures(4), figures(3)).count == 2)
    }

    private func invitation(of site: String, network: NetworkID? = nil) throws -> SignedInvitation {
        let inviter = try #require(genesis.members.member(named: "fr"))
        let card = try SignedCard.read(place.path("\(site)/site.card"))
        let key = try KeyFile.load(.operatorKey, from: place.path("fr/operator.key")).signingKey()
        return SignedInvitation(
            Invitation(
                invitee: card.card.member, inviter: inviter, sequence: 1, height: Height(7),
                version: genesis.version.versionDigest, expires: Height(1007), addresses: ["127.0.0.1:1"]),
            network: network ?? genesis.network, operatorKey: key)
    }

    private func join(_ invitation: SignedInvitation, _ key: String) throws -> Workplace.Result {
        try place.write(Armour.encode(invitation, as: Armour.invitation), to: "invitation")
        return try place.run(
            "join", "--genesis", "genesis.mesh", "--invitation", "invitation", "--key", key, "--force")
    }

    @Test func anInvitedSiteJoinsAndKnowsWhichVersionToExpect() throws {
        try place.run("keygen", "--site", "it", "--address", "127.0.0.1:7700")
        let result = try join(try invitation(of: "it"), "it")
        #expect(result.status == 0, "\(result.errors)")
        let configuration = try Configuration.load(path: place.path("meshnode.toml"))
        #expect(configuration.mesh.expected == genesis.version.versionDigest)
        #expect(configuration.mesh.expectedHeight == Height(7))
        #expect(configuration.site.card?.hasSuffix("/it/site.card") == true)
        #expect(configuration.mesh.peers == ["127.0.0.1:1"])
        #expect(!result.output.contains("The operator key that signed"))
    }

    @Test func anInvitationOfAnotherNetworkOrForAnotherSiteIsRefused() throws {
        for site in ["it", "nl"] { try place.run("keygen", "--site", site) }
        let foreign = try join(try invitation(of: "it", network: NetworkID(.zero)), "it")
        #expect(foreign.status == 1)
        #expect(foreign.errors.contains(NetworkID(.zero).short) && foreign.errors.contains(genesis.network.short))
        #expect(try join(try invitation(of: "it"), "nl").errors.contains("invites member"))
        let honest = try invitation(of: "it")
        let other = Invitation(
            invitee: honest.invitation.invitee, inviter: honest.invitation.inviter, sequence: 1, height: Height(7),
            version: honest.invitation.version, expires: Height(9000), addresses: [])
        let forged = try SignedInvitation(
            cbor: .record([
                "network": .bytes(honest.network.digest.bytes), "invitation": other.cbor,
                "signature": .bytes(honest.signature.bytes),
            ]))
        #expect(try join(forged, "it").errors.contains("does not belong to the invitation"))
    }
}
