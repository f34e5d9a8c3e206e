import Control
import Crypto
import Gossip
import Ledger
import Testing

@testable import MeshNode

/// What a process that reaches the operator socket can do without an operator key: Docs/control.md has the table.
struct PrivilegeTests {
    /// Asks, and waits for the answer.
    private func ask<Method: ControlMethod>(
        _ sites: TestSites, _ client: TestClient, _ id: Int64, _ method: Method
    ) throws -> ControlReason? {
        try client.ask(id, method)
        try sites.wait(for: "an answer to \(Method.schema.name)") { client.isAnswered(id) }
        return client.refusal(of: id)
    }

    private func record(_ record: some Record) throws -> RecordText { try #require(RecordText(bytes: record.encoded)) }

    @Test("Every method with an effect is refused without an operator's signature, and nothing has changed")
    func operatorSocketWithoutAnOperatorKey_changesNothing() throws {
        let sites = try TestSites(["de", "es"])
        defer { sites.end() }
        let daemon = try sites.start(0)
        let node = daemon.driver.node
        let client = try TestClient.connect(sites.loop, to: sites.configuration(0).sockets.operator.path)
        client.read()
        defer { client.stream.close() }
        let network = sites.genesis.network
        let (victim, other) = (sites.genesis.members.members[0], sites.genesis.members.members[1])
        let thief = SigningKey(seed: .random(count: 32))
        /// A signature in the name of a member, by a key that is not its operator's.
        func forged(_ statement: some Statement, by key: SigningKey) -> OperatorSignature {
            OperatorSignature(
                signer: victim.id, keyEpoch: victim.keyEpoch, signature: statement.signature(by: key, network: network))
        }
        var rules = sites.genesis.rules
        rules.innerSteps += 1
        let newcomer = Ledger.Member(
            id: MemberID(firstOperatorKey: thief.verifyingKey), name: "it", operatorKey: thief.verifyingKey,
            nodeKey: thief.verifyingKey, linkKey: LinkKey(secret: .random(count: 32)).publicKey, keyEpoch: 0)
        let changes: [Change] = [.rules(rules), .remove(other.id), .admit(newcomer)]
        var id: Int64 = 0
        func next() -> Int64 {
            id += 1
            return id
        }
        for method in ControlSchema.methods where method.role == .operator {
            switch method.name {
            case "proposal.submit":
                for change in changes {
                    let action = GovernanceAction(change: change, sequence: 1, first: Height(1), last: Height(1000))
                    for operators in [[], [forged(action, by: thief)]] {
                        let signed = SignedGovernanceAction(action: action, operators: operators, possession: nil)
                        let submit = ProposalSubmit(proposal: try record(signed), isCheck: false)
                        #expect(try ask(sites, client, next(), submit) == .invalidAction)
                    }
                    // Only checked, it is judged and kept nowhere.
                    let draft = SignedGovernanceAction(action: action, operators: [], possession: nil)
                    _ = try ask(sites, client, next(), ProposalSubmit(proposal: try record(draft), isCheck: true))
                }
            case "proposal.judge":
                let action = GovernanceAction(
                    change: changes[0], sequence: 1, first: Height(1), last: Height(1000))
                for verdict in ProposalVerdict.allCases {
                    let statement = ProposalVerdictStatement(verdict: verdict, action: action.digest)
                    let judged = JudgedProposal(
                        action: action,
                        verdict: SignedProposalVerdict(
                            statement: statement, signature: forged(statement, by: thief)))
                    #expect(
                        try ask(sites, client, next(), ProposalJudge(judged: try record(judged))) == .invalidAction)
                }
            case "review.submit":
                let statement = ReviewStatement(
                    verdict: .veto, slot: Slot(author: other.id, base: node.chain.headDigest),
                    contribution: ContributionDigest(.zero))
                let review = SignedReview(statement: statement, signature: forged(statement, by: thief))
                #expect(try ask(sites, client, next(), ReviewSubmit(review: try record(review))) == .invalidReview)
            case "invite":
                let invitation = SignedInvitation(
                    Invitation(
                        invitee: newcomer, inviter: victim, sequence: 1, height: .genesis,
                        version: node.chain.headDigest, expires: Height(1000), addresses: []),
                    network: network, operatorKey: thief)
                #expect(
                    try ask(sites, client, next(), Invite(invitation: try record(invitation))) == .invalidInvitation)
            case "invite.withdraw":
                // It needs no signature: it can only take a right away, here from nobody.
                #expect(try ask(sites, client, next(), InviteWithdraw(member: text(newcomer.id))) == .notFound)
            default:
                Issue.record("\(method.name) has an effect: say here what it does without an operator key")
            }
        }
        #expect(node.report(now: daemon.driver.now).proposals.isEmpty)
        #expect(daemon.membership.invited.isEmpty && daemon.membership.admits(newcomer.linkKey) == nil)
        #expect(node.chain.members == sites.genesis.members && node.chain.rules == sites.genesis.rules)
    }
}
