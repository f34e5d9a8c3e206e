import Crypto
import Gossip
import Ledger

/// Colluders who want a change: what their operators sign, and what they forge where that is too little.
final class Forger {
    static let means =
        "forge the signatures that lack, bring back an old one that all had signed for a height long past, call either "
        + "complete in ready records, and carry it as leaders"

    private let world: World
    private let colluders: Range<Int>
    private let action: GovernanceAction
    private let possession: Signature?

    init(_ world: World, colluders: Range<Int>, _ change: Change) {
        self.world = world
        self.colluders = colluders
        let next = UInt64(world.oracles.versions.count) + 1
        action = GovernanceAction(
            change: change, sequence: 10, first: Height(next), last: Height(next + 100))
        possession = Forger.possession(of: action, world)
    }

    /// Whoever is admitted is one of theirs.
    private static func possession(of action: GovernanceAction, _ world: World) -> Signature? {
        guard case .admit(let member) = action.change, let person = world.oracles.index(member.id) else { return nil }
        return action.signature(
            by: world.sites[world.bodies[person][0]].identity.nodeKey, network: world.genesis.network)
    }

    /// With their own keys, at their own sites.
    func sign() {
        for member in colluders { world.propose(action, by: member, possession) }
    }

    /// Makes what they carry as leaders, and sends forged signatures around.
    func forge() {
        let members = world.genesis.members
        let needed = world.genesis.rules.operatorsNeeded(memberCount: members.count)
        let forged = complete(action, signers: members.members.prefix(needed).map(\.id), all: false)
        let old = GovernanceAction(change: action.change, sequence: 1, first: Height(1), last: Height(1))
        let replayed = complete(old, signers: members.members.map(\.id), all: true)
        world.bind(colluders, to: Scheme())
        // An even height carries the first.
        world.coalition.scheme?.actions = [replayed, forged]
        for member in colluders {
            let site = world.sites[world.bodies[member][0]]
            for signed in [forged.signed, replayed.signed] {
                world.spread(ForgedMessage.action(signed), from: site)
            }
        }
    }

    func act() {
        if world.coalition.scheme?.actions.isEmpty == false { world.pursue(colluders) }
    }

    /// - Parameter all: whether everybody really signed it once.
    private func complete(_ action: GovernanceAction, signers: [MemberID], all: Bool) -> CompleteAction {
        let network = world.genesis.network
        let operators = signers.map { id in
            let isReal = all || (world.oracles.index(id).map { colluders.contains($0) } ?? false)
            let key = world.oracles.index(id).flatMap { world.operators.keys[$0].first }
            let signature = isReal ? key.map { action.signature(by: $0, network: network) } : nil
            return OperatorSignature(signer: id, keyEpoch: 0, signature: signature ?? world.wrongSignature())
        }
        let signed = SignedGovernanceAction(
            action: action, operators: operators, possession: Forger.possession(of: action, world))
        return CompleteAction(signed: signed, readiness: readiness(for: action, all: all))
    }

    private func readiness(for action: GovernanceAction, all: Bool) -> QuorumSignatures? {
        guard action.change.changesMembers, let next = Roster(world.genesis).after(action) else { return nil }
        let statement = Readiness(action: action.digest, members: next.memberSet.digest)
        var signatures: [Int: Signature] = [:]
        for (position, member) in next.members.enumerated() {
            guard let person = world.oracles.index(member.id) else { continue }
            let site = world.sites[world.bodies[person][0]]
            let isReal = all || !site.isHonest
            signatures[position] =
                isReal
                ? statement.signature(by: site.identity.nodeKey, network: world.genesis.network)
                : world.wrongSignature()
        }
        return QuorumSignatures(signatures, memberCount: next.count)
    }
}

/// Another version for a height that is certified, and a certificate over it as good as colluders can make it.
final class Conflict {
    private let world: World
    private let colluders: Range<Int>
    private var certified: CertifiedVersion?
    /// Whether a message of it went out to who was cut off.
    private(set) var isShown = false

    init(_ world: World, colluders: Range<Int>) {
        self.world = world
        self.colluders = colluders
    }

    /// Once the others have decided height 1, again and again.
    func show(to lagging: Site) {
        guard world.oracles.versions[1] != nil, let process = lagging.process, process.node.chain.height == .genesis,
            let made = certified ?? make(over: process.node.chain)
        else { return }
        certified = made
        world.coalition.scheme?.isSpeaking = true
        for member in colluders where world.hasLink(from: member, to: lagging.member) {
            isShown = true
            for message in Wire.messages(of: made) {
                world.spread(message, from: world.sites[world.bodies[member][0]]) { $0 == lagging.member }
            }
        }
        world.coalition.scheme?.isSpeaking = false
    }

    private func make(over chain: Chain) -> CertifiedVersion? {
        guard let embedded = world.schemePayload(over: chain),
            embedded.version.versionDigest != world.oracles.versions[1]?.versionDigest
        else { return nil }
        let vote = Vote(
            kind: .finalize, height: chain.nextHeight, view: .first, version: embedded.version.versionDigest)
        var signatures: [Int: Signature] = [:]
        for position in 0..<chain.members.quorum {
            signatures[position] =
                colluders.contains(position)
                ? world.coalition.signed(vote, by: position).signature : world.wrongSignature()
        }
        let contributions = embedded.version.manifest.compactMap { entry in
            world.coalition.contributions[entry.slot]?.first { $0.body.contributionDigest == entry.contribution }
        }
        return CertifiedVersion(
            embedded: embedded,
            certificate: VoteCertificate(
                network: chain.network, vote: vote,
                signatures: QuorumSignatures(signatures, memberCount: chain.members.count)),
            contributions: contributions)
    }
}
