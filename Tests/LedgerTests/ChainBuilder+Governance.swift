import Crypto
import Ledger
import TestKit

extension ChainBuilder {
    /// An action that these operators signed and, where it changes the members, that these of the resulting set are
    /// ready for (a quorum, with whoever is admitted, where none are named).
    func complete(
        _ change: Change, on chain: Chain, newKey: SiteKeys? = nil, signedBy signers: [Int], ready: [Int]? = nil,
        sequence: UInt64 = 1
    ) throws -> CompleteAction {
        let action = GovernanceAction(change: change, sequence: sequence, first: Height(1), last: Height(100))
        let operators = signers.map { index in
            OperatorSignature(
                signer: sites[index].member.id, keyEpoch: 0,
                signature: action.signature(by: sites[index].operatorKey, network: network))
        }
        let signed = SignedGovernanceAction(
            action: action, operators: operators,
            possession: newKey.map { action.signature(by: $0.nodeKey, network: network) })
        guard change.changesMembers else { return CompleteAction(signed: signed) }
        let members = try chain.outcome(of: action).members
        let readiness = Readiness(action: action.digest, members: members.digest)
        let keys = Dictionary(
            (sites + [newKey].compactMap { $0 }).map { ($0.member.nodeKey, $0.nodeKey) },
            uniquingKeysWith: { first, _ in first })
        var indexes = ready ?? Array(members.members.indices.suffix(members.quorum))
        if ready == nil, case .admit(let member) = change, let own = members.index(of: member.id),
            !indexes.contains(own)
        {
            indexes[0] = own
        }
        var signatures: [Int: Signature] = [:]
        for index in indexes {
            guard let key = keys[members.members[index].nodeKey] else { continue }
            signatures[index] = readiness.signature(by: key, network: network)
        }
        return CompleteAction(
            signed: signed, readiness: QuorumSignatures(signatures, memberCount: members.count))
    }

    /// A payload for the next height that lists nothing and carries an action; `named` are the actions that each ready
    /// record names: by default all of them this one.
    func draft(on chain: Chain, carrying complete: CompleteAction?, named: [[Digest]]? = nil) -> Draft {
        var draft = draft(on: chain, listing: [])
        draft.ready = quorum.map { site in
            ready(
                by: site, on: chain, slots: [],
                actions: named?[site] ?? [complete].compactMap { $0?.action.digest })
        }.sorted { $0.objectDigest < $1.objectDigest }
        draft.complete = complete
        draft.action = complete?.action.digest
        if let action = complete?.action, let outcome = try? chain.outcome(of: action) {
            draft.rules = outcome.rules.digest
            draft.members = outcome.members.digest
        }
        return draft
    }
}
