import Crypto
import Gossip
import Ledger

/// What Byzantine members make of the operators' decisions: play them again, forge the others' signatures, drown them.
extension Cluster {
    /// Something that a version carried before goes around again, with every signature that it had.
    ///
    /// - Returns: whether there was anything yet.
    func replayActions(_ site: Site) -> Bool {
        let carried = checkers.history.keys.sorted().compactMap { checkers.history[$0]?.embedded.action }
        guard !carried.isEmpty else { return false }
        let old = byzantineRandom.pick(carried)
        spread(ForgedMessage.action(old.signed), from: site)
        guard let readiness = old.readiness, let after = checkers.roster(after: old) else { return true }
        let statement = Readiness(action: old.action.digest, members: after.memberSet.digest)
        spread(ForgedMessage.readiness(statement, readiness), from: site)
        return true
    }

    /// An action with as many signatures as it takes, of which only the forger's own are worth anything.
    func forgeActions(_ site: Site, _ chain: Chain) {
        guard let own = operators.key(of: site.member, in: chain.members) else { return }
        let action = unwantedAction(of: chain)
        let mine = action.signature(by: own.key, network: genesis.network)
        let kind = byzantineRandom.draw(below: 4)
        var signatures: [OperatorSignature] = []
        for member in chain.members.members where kind < 3 || member.id == site.identity.member {
            let signature: Signature
            var epoch = member.keyEpoch
            switch kind {
            case _ where member.id == site.identity.member: signature = mine
            case 0: signature = wrongSignature()
            case 1: signature = mine
            default:
                // By a key that a rotation retired and somebody stole, as if it still counted, or in its own time.
                guard let person = checkers.index(member.id), let old = operators.keys[person].first,
                    old.verifyingKey != member.operatorKey
                else { continue }
                signature = action.signature(by: old, network: genesis.network)
                epoch = byzantineRandom.chance(50) ? epoch : 0
            }
            signatures.append(OperatorSignature(signer: member.id, keyEpoch: epoch, signature: signature))
        }
        if kind == 3 { signatures = Array(repeating: signatures, count: chain.members.quorum).flatMap { $0 } }
        spread(ForgedMessage.action(action, signatures), from: site)
    }

    /// Ever new actions that nobody else will sign.
    func floodActions(_ site: Site, _ chain: Chain) {
        guard let own = operators.key(of: site.member, in: chain.members) else { return }
        for _ in 0..<8 {
            let action = unwantedAction(of: chain)
            let signature = OperatorSignature(
                signer: site.identity.member, keyEpoch: own.epoch,
                signature: action.signature(by: own.key, network: genesis.network))
            spread(ForgedMessage.action(action, [signature]), from: site)
        }
    }

    /// A member is expelled, the operators' threshold falls, or the history is rewritten.
    private func unwantedAction(of chain: Chain) -> GovernanceAction {
        var rules = chain.rules
        rules.operatorThresholdNumerator = 1
        rules.operatorThresholdDenominator = 2
        let exclusion = Digest(DigestDomain("mesh/sim-wrong"), [UInt8(byzantineRandom.draw(0...255))])
        let change: Change =
            switch byzantineRandom.draw(below: 3) {
            case 0: .remove(byzantineRandom.pick(chain.members.members).id)
            case 1: .rules(rules)
            default: .revert(.dataSet(exclusion, bindsFuture: true), from: chain.nextHeight)
            }
        return GovernanceAction(
            change: change, sequence: byzantineRandom.draw(0...1_000), first: chain.nextHeight,
            last: Height(chain.nextHeight.value + 100))
    }
}
