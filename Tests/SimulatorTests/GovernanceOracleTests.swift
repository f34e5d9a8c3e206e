import Crypto
import Gossip
import Ledger
import Testing

@testable import Simulator

/// What the oracles say of versions that carry actions.
struct GovernanceOracleTests {
    private let town = Fabrication()

    private var changedRules: Rules {
        var rules = town.founding.genesis.rules
        rules.innerSteps += 1
        return rules
    }

    private func action(_ change: Change, sequence: UInt64 = 1, last: UInt64 = 10) -> GovernanceAction {
        GovernanceAction(change: change, sequence: sequence, first: Height(1), last: Height(last))
    }

    private func complete(
        _ action: GovernanceAction, by signers: [Int], readyFor members: MemberSet? = nil, epoch: UInt32 = 0
    ) -> CompleteAction {
        let operators = signers.map { signer in
            OperatorSignature(
                signer: town.id(signer), keyEpoch: epoch,
                signature: action.signature(by: town.founding.operatorKeys[signer], network: town.network))
        }
        let readiness = members.map {
            town.quorum(Readiness(action: action.digest, members: $0.digest), by: [0, 1, 2])
        }
        return CompleteAction(
            signed: SignedGovernanceAction(action: action, operators: operators), readiness: readiness)
    }

    /// A version that carries the action and names these rules and members.
    private func certified(
        _ complete: CompleteAction, height: UInt64 = 1, parent: Version? = nil, rules: Rules? = nil,
        members: MemberSet? = nil
    ) -> CertifiedVersion {
        let parent = parent ?? town.genesis
        let support = Support(ready: [], action: complete.objectDigest)
        let version = Version(
            network: town.network, height: Height(height), parent: parent.versionDigest, manifest: [],
            action: complete.action.digest, rules: rules?.digest ?? parent.rules,
            members: members?.digest ?? parent.members, support: support.digest, roots: parent.roots)
        let vote = Vote(kind: .finalize, height: Height(height), view: .first, version: version.versionDigest)
        return CertifiedVersion(
            embedded: EmbeddedPayload(
                payload: Ledger.Payload(version: version, support: support), ready: [], availability: [],
                action: complete),
            certificate: town.certificate(vote, by: [0, 1, 2]), contributions: [])
    }

    @Test func whatEnoughOperatorsSignedIsRight() {
        town.adopt(certified(complete(action(.rules(changedRules)), by: [0, 1, 2]), rules: changedRules))
        #expect(town.fired.isEmpty)
        #expect(town.oracles.rosters[2]?.rules == changedRules)
    }

    @Test func tooFewOperatorsAreSeen() {
        town.adopt(certified(complete(action(.rules(changedRules)), by: [0, 1]), rules: changedRules))
        #expect(town.fired.contains(.wrongAction))
    }

    @Test func aKeyOfAnotherEpochIsSeen() {
        town.adopt(certified(complete(action(.rules(changedRules)), by: [0, 1, 2], epoch: 1), rules: changedRules))
        #expect(town.fired.contains(.wrongAction))
    }

    @Test func anActionOutOfItsWindowIsSeen() {
        let first = certified(complete(action(.rules(changedRules)), by: [0, 1, 2]), rules: changedRules)
        town.adopt(first)
        let late = complete(action(.rules(town.founding.genesis.rules), sequence: 2, last: 1), by: [0, 1, 2])
        town.adopt(certified(late, height: 2, parent: first.version, rules: town.founding.genesis.rules))
        #expect(town.fired == [.wrongAction, .wrongAction], "it may not stand there, and yet the rules are others")
    }

    /// There, back again, and the first one played once more.
    @Test func anActionThatComesBackIsSeen() {
        let there = complete(action(.rules(changedRules)), by: [0, 1, 2])
        let back = complete(action(.rules(town.founding.genesis.rules), sequence: 2), by: [0, 1, 2])
        let first = certified(there, rules: changedRules)
        let second = certified(back, height: 2, parent: first.version, rules: town.founding.genesis.rules)
        town.adopt(first)
        town.adopt(second)
        #expect(town.fired.isEmpty)
        town.adopt(certified(there, height: 3, parent: second.version, rules: changedRules))
        #expect(town.fired.contains(.wrongAction))
    }

    @Test(arguments: [true, false])
    func aSetThatNobodyWasReadyForIsSeen(isReady: Bool) throws {
        let left = try MemberSet(
            members: Array(town.founding.genesis.members.members.prefix(3)),
            tombstones: [Tombstone(id: town.id(3), lastKeyEpoch: 0, lastSequence: 1)])
        let removal = action(.remove(town.id(3)))
        // Readiness counts by positions in the set that it is for: of three, all.
        let statement = Readiness(action: removal.digest, members: left.digest)
        let signatures = [0, 1, 2].reduce(into: [Int: Signature]()) {
            $0[$1] = town.signed(statement, by: $1).signature
        }
        let carried = CompleteAction(
            signed: complete(removal, by: [0, 1, 2]).signed,
            readiness: isReady ? QuorumSignatures(signatures, memberCount: 3) : nil)
        town.adopt(certified(carried, members: left))
        #expect(town.fired.contains(.wrongAction) == !isReady)
        #expect(town.oracles.rosters[2]?.count == (isReady ? 3 : 4))
    }

    @Test func aSetThatTheActionDoesNotGiveIsSeen() {
        town.adopt(certified(complete(action(.rules(changedRules)), by: [0, 1, 2])))
        #expect(town.fired == [.wrongAction])
    }
}
