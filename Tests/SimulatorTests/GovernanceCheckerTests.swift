import Crypto
import Gossip
import Ledger
import Testing

@testable import Simulator

/// What the checkers say of versions that carry actions.
struct GovernanceCheckerTests {
    private let fabrication = Fabrication()

    private var changedRules: Rules {
        var rules = fabrication.founding.genesis.rules
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
                signer: fabrication.id(signer), keyEpoch: epoch,
                signature: action.signature(by: fabrication.founding.operatorKeys[signer], network: fabrication.network)
            )
        }
        let readiness = members.map {
            fabrication.quorum(Readiness(action: action.digest, members: $0.digest), by: [0, 1, 2])
        }
        return CompleteAction(
            signed: SignedGovernanceAction(action: action, operators: operators), readiness: readiness)
    }

    /// A version that carries the action and names these rules and members.
    private func certified(
        _ complete: CompleteAction, height: UInt64 = 1, parent: Version? = nil, rules: Rules? = nil,
        members: MemberSet? = nil
    ) -> CertifiedVersion {
        let parent = parent ?? fabrication.genesis
        let support = Support(ready: [], action: complete.objectDigest)
        let version = Version(
            network: fabrication.network, height: Height(height), parent: parent.versionDigest, manifest: [],
            action: complete.action.digest, rules: rules?.digest ?? parent.rules,
            members: members?.digest ?? parent.members, support: support.digest, roots: parent.roots)
        let vote = Vote(kind: .finalize, height: Height(height), view: .first, version: version.versionDigest)
        return CertifiedVersion(
            embedded: EmbeddedPayload(
                payload: Ledger.Payload(version: version, support: support), ready: [], availability: [],
                action: complete),
            certificate: fabrication.certificate(vote, by: [0, 1, 2]), contributions: [])
    }

    @Test func whatEnoughOperatorsSignedIsRight() {
        fabrication.adopt(certified(complete(action(.rules(changedRules)), by: [0, 1, 2]), rules: changedRules))
        #expect(fabrication.fired.isEmpty)
        #expect(fabrication.checkers.rosters[2]?.rules == changedRules)
    }

    @Test func tooFewOperatorsAreSeen() {
        fabrication.adopt(certified(complete(action(.rules(changedRules)), by: [0, 1]), rules: changedRules))
        #expect(fabrication.fired.contains(.wrongAction))
    }

    @Test func aKeyOfAnotherEpochIsSeen() {
        fabrication.adopt(
            certified(complete(action(.rules(changedRules)), by: [0, 1, 2], epoch: 1), rules: changedRules))
        #expect(fabrication.fired.contains(.wrongAction))
    }

    @Test func anActionOutOfItsWindowIsSeen() {
        let first = certified(complete(action(.rules(changedRules)), by: [0, 1, 2]), rules: changedRules)
        fabrication.adopt(first)
        let late = complete(action(.rules(fabrication.founding.genesis.rules), sequence: 2, last: 1), by: [0, 1, 2])
        fabrication.adopt(certified(late, height: 2, parent: first.version, rules: fabrication.founding.genesis.rules))
        #expect(
            fabrication.fired == [.wrongAction, .wrongAction], "it may not stand there, and yet the rules are others")
    }

    /// There, back again, and the first one played once more.
    @Test func anActionThatComesBackIsSeen() {
        let there = complete(action(.rules(changedRules)), by: [0, 1, 2])
        let back = complete(action(.rules(fabrication.founding.genesis.rules), sequence: 2), by: [0, 1, 2])
        let first = certified(there, rules: changedRules)
        let second = certified(back, height: 2, parent: first.version, rules: fabrication.founding.genesis.rules)
        fabrication.adopt(first)
        fabrication.adopt(second)
        #expect(fabrication.fired.isEmpty)
        fabrication.adopt(certified(there, height: 3, parent: second.version, rules: changedRules))
        #expect(fabrication.fired.contains(.wrongAction))
    }

    @Test(arguments: [true, false])
    func aSetThatNobodyWasReadyForIsSeen(isReady: Bool) throws {
        let left = try MemberSet(
            members: Array(fabrication.founding.genesis.members.members.prefix(3)),
            tombstones: [Tombstone(id: fabrication.id(3), lastKeyEpoch: 0, lastSequence: 1)])
        let removal = action(.remove(fabrication.id(3)))
        // Readiness counts by positions in the set that it is for: of three, all.
        let statement = Readiness(action: removal.digest, members: left.digest)
        let signatures = [0, 1, 2].reduce(into: [Int: Signature]()) {
            $0[$1] = fabrication.signed(statement, by: $1).signature
        }
        let carried = CompleteAction(
            signed: complete(removal, by: [0, 1, 2]).signed,
            readiness: isReady ? QuorumSignatures(signatures, memberCount: 3) : nil)
        fabrication.adopt(certified(carried, members: left))
        #expect(fabrication.fired.contains(.wrongAction) == !isReady)
        #expect(fabrication.checkers.rosters[2]?.count == (isReady ? 3 : 4))
    }

    @Test func aSetThatTheActionDoesNotGiveIsSeen() {
        fabrication.adopt(certified(complete(action(.rules(changedRules)), by: [0, 1, 2])))
        #expect(fabrication.fired == [.wrongAction])
    }
}
