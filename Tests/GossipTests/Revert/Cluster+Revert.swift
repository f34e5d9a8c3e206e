import Crypto
import Ledger

@testable import Gossip

extension Cluster {
    /// A version of the next height that carries an action which every operator signed and that a quorum finalized: as
    /// if these sites had decided it. They start anew with it as their head.
    func decide(_ change: Change, sequence: UInt64 = 1, at indexes: [Int]? = nil) throws {
        let indexes = indexes ?? Array(sites.indices)
        let chain = sites[indexes[0]].node.chain
        let members = genesis.members.members
        let action = GovernanceAction(change: change, sequence: sequence, first: Height(1), last: Height(1000))
        let complete = CompleteAction(
            signed: SignedGovernanceAction(
                action: action,
                operators: members.map { member in
                    OperatorSignature(
                        signer: member.id, keyEpoch: 0,
                        signature: action.signature(by: operatorKeys[member.id]!, network: genesis.network))
                }))
        let quorum = sites[..<genesis.members.quorum]
        let ready = quorum.map { site in
            Signed(
                Ready(height: chain.nextHeight, parent: chain.headDigest, slots: [], actions: [action.digest]),
                signer: site.identity.member, key: site.identity.nodeKey, network: genesis.network)
        }.sorted { $0.objectDigest < $1.objectDigest }
        let support = Support(ready: ready.map(\.objectDigest), action: complete.objectDigest)
        let version = Version(
            network: genesis.network, height: chain.nextHeight, parent: chain.headDigest, manifest: [],
            action: action.digest, rules: chain.rules.digest, members: chain.members.digest, support: support.digest,
            roots: chain.head.roots)
        let vote = Vote(kind: .finalize, height: version.height, view: .first, version: version.versionDigest)
        let certified = CertifiedVersion(
            embedded: EmbeddedPayload(
                payload: Payload(version: version, support: support), ready: ready, availability: [], action: complete),
            certificate: votes(vote, by: Array(quorum.indices)), contributions: [])
        for index in indexes { crash(index) }
        for index in indexes {
            sites[index].adopted.append(certified)
            try restart(index)
        }
    }

    /// The event that a replay on the disk of this site ends with.
    func replayed(_ chain: Chain, of index: Int) -> Event {
        let first = chain.governance.replayFrom!
        var roots = first.value == 1 ? genesis.roots : sites[index].adopted[Int(first.value) - 2].version.roots
        for certified in sites[index].adopted where certified.height >= first && certified.height <= chain.height {
            roots = Cluster.average(chain.entriesToReplay(of: certified).map(\.contribution), on: roots)
        }
        return .replayed(
            parent: chain.headDigest, exclusions: chain.governance.exclusionsDigest, wrongReplay[index] ?? roots)
    }

    /// A replay that was held comes to its end.
    func releaseReplay(_ index: Int) {
        holdsReplay.remove(index)
        if !sites[index].node.chain.governance.pendingReverts.isEmpty {
            happen(replayed(sites[index].node.chain, of: index), at: index)
        }
    }

    /// The roots that the versions up to `height` give without these contributions, from version 0 on.
    func roots(without excluded: Set<ContributionDigest>, through height: Height) -> StateRoots {
        var roots = genesis.roots
        for certified in sites[0].adopted where certified.height <= height {
            let left = certified.version.manifest.map(\.contribution).filter { !excluded.contains($0) }
            roots = Cluster.average(left, on: roots)
        }
        return roots
    }

    /// Versions in which a replayed state took over: those that name an action and carry none.
    var switches: [CertifiedVersion] {
        sites[0].adopted.filter { $0.version.action != nil && $0.embedded.action == nil }
    }
}
