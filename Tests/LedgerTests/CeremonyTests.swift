import Crypto
import Testing

@testable import Ledger

@Suite struct CeremonyTests {
    private func consent(_ world: World, _ index: Int) -> GenesisSignature {
        GenesisSignature(
            genesis: world.genesis, signer: world.sites[index].member.id, operatorKey: world.sites[index].operatorKey)
    }

    @Test func foundingNeedsEveryOperator() throws {
        let world = try World()
        let all = (0..<4).map { consent(world, $0) }
        #expect(GenesisFile(genesis: world.genesis, signatures: all).isComplete)
        let some = GenesisFile(genesis: world.genesis, signatures: Array(all.dropFirst()))
        #expect(!some.isComplete)
        #expect(some.signers.map(\.id) == world.sites.dropFirst().map(\.member.id))
    }

    @Test func foreignConsentDoesNotCount() throws {
        let world = try World()
        let other = try World(nonce: 10)
        let stranger = World.Site(index: 60)
        var signatures = (0..<3).map { consent(world, $0) }
        signatures.append(consent(other, 3))
        #expect(!GenesisFile(genesis: world.genesis, signatures: signatures).isComplete)
        signatures[3] = GenesisSignature(
            genesis: world.genesis, signer: stranger.member.id, operatorKey: stranger.operatorKey)
        #expect(!GenesisFile(genesis: world.genesis, signatures: signatures).isComplete)
        signatures[3] = GenesisSignature(
            genesis: world.genesis, signer: world.sites[3].member.id, operatorKey: stranger.operatorKey)
        #expect(!GenesisFile(genesis: world.genesis, signatures: signatures).isComplete)
    }

    @Test func cardProvesBothKeys() throws {
        let site = World.Site(index: 0)
        let other = World.Site(index: 1)
        let card = Card(member: site.member, addresses: ["a:1"])
        #expect(SignedCard(card: card, operatorKey: site.operatorKey, nodeKey: site.nodeKey).isValid)
        #expect(!SignedCard(card: card, operatorKey: other.operatorKey, nodeKey: site.nodeKey).isValid)
        #expect(!SignedCard(card: card, operatorKey: site.operatorKey, nodeKey: other.nodeKey).isValid)
    }

    @Test func networkFollowsFromEveryFieldOfTheGenesis() throws {
        var rules = Rules()
        rules.innerSteps += 1
        let networks = [
            try World().network, try World(nonce: 1).network, try World(siteCount: 5).network,
            try World(rules: rules).network,
        ]
        #expect(Set(networks).count == networks.count)
    }
}
