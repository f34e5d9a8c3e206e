import Crypto
import Ledger

@testable import Gossip

/// What the operators of a cluster do.
extension Cluster {
    /// Signed by the operators of these sites with their present keys.
    func signed(_ action: GovernanceAction, by signers: [Int], possession: SigningKey? = nil) -> SignedGovernanceAction
    {
        SignedGovernanceAction(
            action: action, operators: signers.map { signature(of: $0, under: action) },
            possession: possession.map { action.signature(by: $0, network: genesis.network) })
    }

    private func signature(of index: Int, under action: GovernanceAction) -> OperatorSignature {
        let member = sites[index].identity.member
        return OperatorSignature(
            signer: member, keyEpoch: sites[index].node.chain.members[member]?.keyEpoch ?? 0,
            signature: action.signature(by: operatorKeys[member]!, network: genesis.network))
    }

    func action(_ change: Change, sequence: UInt64 = 1, last: UInt64 = 1000) -> GovernanceAction {
        GovernanceAction(change: change, sequence: sequence, first: Height(1), last: Height(last))
    }

    /// Each of these operators signs at its own site.
    func propose(_ action: GovernanceAction, by signers: [Int], possession: SigningKey? = nil) {
        for signer in signers { give(signer, .govern(signed(action, by: [signer], possession: possession))) }
        settle()
    }

    /// The verdict of a site's operator, with its present key.
    func judged(
        _ action: GovernanceAction, _ verdict: ProposalVerdict, by index: Int, comment: Comment = .none
    ) -> JudgedProposal {
        let statement = ProposalVerdictStatement(verdict: verdict, action: action.digest, comment: comment)
        let member = sites[index].identity.member
        return JudgedProposal(
            action: action,
            verdict: SignedProposalVerdict(
                statement: statement,
                signature: OperatorSignature(
                    signer: member, keyEpoch: sites[index].node.chain.members[member]?.keyEpoch ?? 0,
                    signature: statement.signature(by: operatorKeys[member]!, network: genesis.network))))
    }

    /// Each of these operators judges at its own site.
    func judge(_ action: GovernanceAction, _ verdict: ProposalVerdict, by signers: [Int]) {
        for signer in signers { give(signer, .judge(judged(action, verdict, by: signer))) }
        settle()
    }

    func review(_ verdict: ReviewVerdict, of contribution: Contribution, by index: Int) -> SignedReview {
        let statement = ReviewStatement(
            verdict: verdict, slot: contribution.slot, contribution: contribution.contributionDigest)
        let member = sites[index].identity.member
        return SignedReview(
            statement: statement,
            signature: OperatorSignature(
                signer: member, keyEpoch: sites[index].node.chain.members[member]?.keyEpoch ?? 0,
                signature: statement.signature(by: operatorKeys[member]!, network: genesis.network)))
    }

    /// A member-to-be with fresh keys, not linked yet.
    func newMember(_ name: String, seed: UInt64) -> (member: Member, identity: NodeIdentity) {
        var random = SeededRandom(simulationSeed: seed)
        let operatorKey = SigningKey(seed: random.secret(count: 32))
        let nodeKey = SigningKey(seed: random.secret(count: 32))
        let id = MemberID(firstOperatorKey: operatorKey.verifyingKey)
        operatorKeys[id] = operatorKey
        let member = Member(
            id: id, name: name, operatorKey: operatorKey.verifyingKey, nodeKey: nodeKey.verifyingKey,
            linkKey: LinkKey(secret: random.secret(count: 32)).publicKey, keyEpoch: 0)
        return (member, NodeIdentity(member: id, nodeKey: nodeKey, addresses: ["127.0.0.1:9000"]))
    }

    /// The member with a fresh node key, as a rotation makes it.
    func rotated(_ index: Int, seed: UInt64 = 99) -> (member: Member, key: SigningKey) {
        var random = SeededRandom(simulationSeed: seed)
        let key = SigningKey(seed: random.secret(count: 32))
        let old = sites[index].node.chain.members[sites[index].identity.member]!
        let member = Member(
            id: old.id, name: old.name, operatorKey: old.operatorKey, nodeKey: key.verifyingKey, linkKey: old.linkKey,
            keyEpoch: old.keyEpoch + 1)
        return (member, key)
    }

    /// Rules that differ from those of the genesis in nothing that the cluster depends on.
    var otherRules: Rules {
        var rules = genesis.rules
        rules.innerSteps += 1
        return rules
    }

    func taken(_ index: Int) -> [GovernanceAction] {
        sites[index].notices.compactMap { if case .actionTaken(let action, _) = $0 { action } else { nil } }
    }

    var chains: [Chain] { sites.map(\.node.chain) }
}
