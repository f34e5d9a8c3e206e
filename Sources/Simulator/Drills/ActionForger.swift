import Crypto
import Gossip
import Ledger

/// Colluders who want a change: what their operators sign, and what they forge where that is too little.
final class ActionForger {
    static let means =
        "forge the signatures that lack, bring back an old one that all had signed for a height long past, call either "
        + "complete in ready records, and carry it as leaders"

    private let cluster: Cluster
    private let colluders: Range<Int>
    private let action: GovernanceAction
    private let possession: Signature?

    init(_ cluster: Cluster, colluders: Range<Int>, _ change: Change) {
        self.cluster = cluster
        self.colluders = colluders
        let next = UInt64(cluster.checkers.versions.count) + 1
        action = GovernanceAction(
            change: change, sequence: 10, first: Height(next), last: Height(next + 100))
        possession = ActionForger.possession(of: action, cluster)
    }

    /// Whoever is admitted is one of theirs.
    private static func possession(of action: GovernanceAction, _ cluster: Cluster) -> Signature? {
        guard case .admit(let member) = action.change, let person = cluster.checkers.index(member.id) else {
            return nil
        }
        return action.signature(
            by: cluster.sites[cluster.bodies[person][0]].identity.nodeKey, network: cluster.genesis.network)
    }

    /// With their own keys, at their own sites.
    func sign() {
        for member in colluders { cluster.propose(action, by: member, possession) }
    }

    /// Makes what they carry as leaders, and sends forged signatures around.
    func forge() {
        let members = cluster.genesis.members
        let needed = cluster.genesis.rules.operatorsNeeded(memberCount: members.count)
        let forged = complete(action, signers: members.members.prefix(needed).map(\.id), all: false)
        let old = GovernanceAction(change: action.change, sequence: 1, first: Height(1), last: Height(1))
        let replayed = complete(old, signers: members.members.map(\.id), all: true)
        cluster.bind(colluders, to: CollusionPlan())
        // An even height carries the first.
        cluster.coalition.plan?.actions = [replayed, forged]
        for member in colluders {
            let site = cluster.sites[cluster.bodies[member][0]]
            for signed in [forged.signed, replayed.signed] {
                cluster.spread(ForgedMessage.action(signed), from: site)
            }
        }
    }

    func act() {
        if cluster.coalition.plan?.actions.isEmpty == false { cluster.pursue(colluders) }
    }

    /// - Parameter all: whether everybody really signed it once.
    private func complete(_ action: GovernanceAction, signers: [MemberID], all: Bool) -> CompleteAction {
        let network = cluster.genesis.network
        let operators = signers.map { id in
            let isReal = all || (cluster.checkers.index(id).map { colluders.contains($0) } ?? false)
            let key = cluster.checkers.index(id).flatMap { cluster.operators.keys[$0].first }
            let signature = isReal ? key.map { action.signature(by: $0, network: network) } : nil
            return OperatorSignature(signer: id, keyEpoch: 0, signature: signature ?? cluster.wrongSignature())
        }
        let signed = SignedGovernanceAction(
            action: action, operators: operators, possession: ActionForger.possession(of: action, cluster))
        return CompleteAction(signed: signed, readiness: readiness(for: action, all: all))
    }

    private func readiness(for action: GovernanceAction, all: Bool) -> QuorumSignatures? {
        guard action.change.changesMembers, let next = Roster(cluster.genesis).after(action) else { return nil }
        let statement = Readiness(action: action.digest, members: next.memberSet.digest)
        var signatures: [Int: Signature] = [:]
        for (position, member) in next.members.enumerated() {
            guard let person = cluster.checkers.index(member.id) else { continue }
            let site = cluster.sites[cluster.bodies[person][0]]
            let isReal = all || !site.isHonest
            signatures[position] =
                isReal
                ? statement.signature(by: site.identity.nodeKey, network: cluster.genesis.network)
                : cluster.wrongSignature()
        }
        return QuorumSignatures(signatures, memberCount: next.count)
    }
}

/// Another version for a height that is certified, and a certificate over it as good as colluders can make it.
final class Conflict {
    private let cluster: Cluster
    private let colluders: Range<Int>
    private var certified: CertifiedVersion?
    /// Whether a message of it went out to who was cut off.
    private(set) var isShown = false

    init(_ cluster: Cluster, colluders: Range<Int>) {
        self.cluster = cluster
        self.colluders = colluders
    }

    /// Once the others have decided height 1, again and again.
    func show(to lagging: Site) {
        guard cluster.checkers.versions[1] != nil, let process = lagging.process, process.node.chain.height == .genesis,
            let made = certified ?? make(over: process.node.chain)
        else { return }
        certified = made
        cluster.coalition.plan?.isSpeaking = true
        for member in colluders where cluster.hasLink(from: member, to: lagging.member) {
            isShown = true
            for message in Wire.messages(of: made) {
                cluster.spread(message, from: cluster.sites[cluster.bodies[member][0]]) { $0 == lagging.member }
            }
        }
        cluster.coalition.plan?.isSpeaking = false
    }

    private func make(over chain: Chain) -> CertifiedVersion? {
        guard let embedded = cluster.plannedPayload(over: chain),
            embedded.version.versionDigest != cluster.checkers.versions[1]?.versionDigest
        else { return nil }
        let vote = Vote(
            kind: .finalize, height: chain.nextHeight, view: .first, version: embedded.version.versionDigest)
        var signatures: [Int: Signature] = [:]
        for position in 0..<chain.members.quorum {
            signatures[position] =
                colluders.contains(position)
                ? cluster.coalition.signed(vote, by: position).signature : cluster.wrongSignature()
        }
        let contributions = embedded.version.manifest.compactMap { entry in
            cluster.coalition.contributions[entry.slot]?.first { $0.body.contributionDigest == entry.contribution }
        }
        return CertifiedVersion(
            embedded: embedded,
            certificate: VoteCertificate(
                network: chain.network, vote: vote,
                signatures: QuorumSignatures(signatures, memberCount: chain.members.count)),
            contributions: contributions)
    }
}
