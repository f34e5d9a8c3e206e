import Crypto
import Testing

@testable import Ledger

@Suite struct CeremonyTests {
    private func consent(_ builder: ChainBuilder, _ index: Int) -> GenesisSignature {
        GenesisSignature(
            genesis: builder.genesis, signer: builder.sites[index].member.id,
            operatorKey: builder.sites[index].operatorKey)
    }

    @Test func foundingNeedsEveryOperator() throws {
        let builder = try ChainBuilder()
        let all = (0..<4).map { consent(builder, $0) }
        #expect(GenesisFile(genesis: builder.genesis, signatures: all).isComplete)
        let some = GenesisFile(genesis: builder.genesis, signatures: Array(all.dropFirst()))
        #expect(!some.isComplete)
        #expect(some.signers.map(\.id) == builder.sites.dropFirst().map(\.member.id))
    }

    @Test func foreignConsentDoesNotCount() throws {
        let builder = try ChainBuilder()
        let other = try ChainBuilder(nonce: 10)
        let stranger = ChainBuilder.site(60)
        var signatures = (0..<3).map { consent(builder, $0) }
        signatures.append(consent(other, 3))
        #expect(!GenesisFile(genesis: builder.genesis, signatures: signatures).isComplete)
        signatures[3] = GenesisSignature(
            genesis: builder.genesis, signer: stranger.member.id, operatorKey: stranger.operatorKey)
        #expect(!GenesisFile(genesis: builder.genesis, signatures: signatures).isComplete)
        signatures[3] = GenesisSignature(
            genesis: builder.genesis, signer: builder.sites[3].member.id, operatorKey: stranger.operatorKey)
        #expect(!GenesisFile(genesis: builder.genesis, signatures: signatures).isComplete)
    }

    @Test func cardProvesBothKeys() throws {
        let site = ChainBuilder.site(0)
        let other = ChainBuilder.site(1)
        let card = Card(member: site.member, addresses: ["a:1"])
        #expect(SignedCard(card: card, operatorKey: site.operatorKey, nodeKey: site.nodeKey).isValid)
        #expect(!SignedCard(card: card, operatorKey: other.operatorKey, nodeKey: site.nodeKey).isValid)
        #expect(!SignedCard(card: card, operatorKey: site.operatorKey, nodeKey: other.nodeKey).isValid)
    }

    @Test func networkFollowsFromEveryFieldOfTheGenesis() throws {
        var rules = Rules()
        rules.innerSteps += 1
        let networks = [
            try ChainBuilder().network, try ChainBuilder(nonce: 1).network, try ChainBuilder(siteCount: 5).network,
            try ChainBuilder(rules: rules).network,
        ]
        #expect(Set(networks).count == networks.count)
    }
}
