import Crypto
import Gossip
import Ledger
import Logging
import SiteFiles

/// A version that the chain must contain, as an invitation says.
struct ExpectedVersion {
    let height: Height
    let version: VersionDigest

    /// Nil where the configuration does not name both: a version whose height is not known is only awaited.
    init?(_ mesh: Configuration.Mesh) {
        guard let height = mesh.expectedHeight, let version = mesh.expected else { return nil }
        self.height = height
        self.version = version
    }
}

/// Follows the member set as versions change it: who may have a link, whom to dial, which keys this site uses.
final class Membership {
    /// Called where the chain turns out not to be the one that the invitation names.
    var onForeignChain: ((String) -> Void)?

    private(set) var observers: Observers
    let keys: KeyRing
    private let keeper: Keeper
    private let network: NetworkID
    private let expected: ExpectedVersion?
    private var members: MemberSet
    private let logger: Logger

    init(
        keeper: Keeper, keys: KeyRing, observers: Observers, expected: ExpectedVersion?, logger: Logger
    ) {
        self.keeper = keeper
        self.keys = keys
        self.observers = observers
        self.expected = expected
        self.logger = logger
        network = keeper.node.chain.network
        members = keeper.node.chain.members
        offerNextKeys()
    }

    /// Peers that have forgotten this site's present keys let it in with the next ones: it was away while they changed. The
    /// version that names them comes over such a link, and they are taken up as always.
    private func offerNextKeys() {
        do {
            guard let next = try keys.nextKeys() else { return }
            keeper.transport.nextIdentity = LinkIdentity(
                network: network, member: keeper.node.identity.member, nodeKey: next.node, linkKey: next.link)
        } catch {
            logger.error("this site's next keys cannot be read: \(error)")
        }
    }

    /// Whose link key this is, of those who may have a link: members, members of the last bases, so that one that is
    /// removed keeps its links for a while, and invited sites.
    static func admit(_ linkKey: LinkPublicKey, _ chain: Chain, _ observers: Observers) -> LinkPeer? {
        if let peer = chain.members.linkPeer(linkKey: linkKey) { return peer }
        for base in chain.bases.reversed() {
            if let peer = base.members.linkPeer(linkKey: linkKey) { return peer }
        }
        return observers.linkPeer(linkKey: linkKey)
    }

    func admits(_ linkKey: LinkPublicKey) -> LinkPeer? {
        Membership.admit(linkKey, keeper.node.chain, observers)
    }

    private func mayHaveLink(_ id: MemberID) -> Bool {
        let chain = keeper.node.chain
        return chain.members[id] != nil || chain.bases.contains { $0.members[id] != nil } || observers.cards[id] != nil
    }

    func noticed(_ notice: Notice) {
        switch notice {
        case .adopted, .synchronised:
            if isExpectedChain() { followMembers() }
        case .walked: _ = isExpectedChain()
        case .proposalKnown(let action, _): proposed(action)
        default: break
        }
    }

    /// An action that gives this site its first or its next keys: it proves that it has them.
    private func proposed(_ action: GovernanceAction) {
        let identity = keeper.node.identity
        do {
            switch action.change {
            case .admit(let member) where member.id == identity.member:
                guard member.nodeKey == keys.nodeKey.verifyingKey else { return }
                prove(action, by: keys.nodeKey)
            case .rotate(let member) where member.id == identity.member:
                guard let next = try keys.nextNodeKey(for: member) else { return }
                // It may have to say that it is ready for the set that knows its new key.
                if identity.nextNodeKey?.verifyingKey != next.verifyingKey {
                    keeper.feed(.keys(nodeKey: keys.nodeKey, next: next))
                }
                prove(action, by: next)
            default: break
            }
        } catch {
            logger.error("this site's next node key cannot be read: \(error)")
        }
    }

    private func prove(_ action: GovernanceAction, by key: SigningKey) {
        let proposals = keeper.node.report(now: keeper.now).proposals
        guard let known = proposals.first(where: { $0.digest == action.digest })?.signed, known.possession == nil else {
            return
        }
        keeper.feed(
            .govern(
                SignedGovernanceAction(
                    action: action, operators: known.operators,
                    possession: action.signature(by: key, network: network))))
    }

    /// Whether the invitation's version stands at its height, as far as the chain is known.
    private func isExpectedChain() -> Bool {
        guard let expected, let found = keeper.node.certifiedVersion(at: expected.height), found != expected.version
        else { return true }
        onForeignChain?(Membership.foreign(expected, found: found))
        return false
    }

    private func followMembers() {
        let chain = keeper.node.chain
        if chain.members != members {
            changed(from: members, to: chain.members)
            members = chain.members
        }
        keeper.transport.retain { [self] in mayHaveLink($0) }
    }

    static func foreign(_ expected: ExpectedVersion, found: VersionDigest) -> String {
        "version \(expected.height) of this chain is \(found.short), and the invitation names \(expected.version.short): this is another fork"
    }

    private func changed(from old: MemberSet, to new: MemberSet) {
        for member in new.members where old[member.id] == nil {
            logger.notice("\(member.name) is a member from version \(keeper.node.chain.nextHeight) on")
            if observers.cards[member.id] != nil { withdraw(member.id) { _ in } }
        }
        for member in old.members where new[member.id] == nil {
            logger.notice("\(member.name) is no member any more")
        }
        for member in new.members {
            guard let before = old[member.id], before.keyEpoch != member.keyEpoch else { continue }
            logger.notice("\(member.name) has new keys, of epoch \(member.keyEpoch)")
        }
        if let own = new[keeper.node.identity.member] { follow(own) }
        keeper.transport.dialAgain()
    }

    /// Takes up this site's next keys where the set names them, and erases the retired ones once that is durable.
    private func follow(_ own: Member) {
        do {
            guard try keys.follow(own) else { return }
        } catch {
            logger.critical("this site's keys were rotated, and the new ones cannot be used: \(error)")
            return
        }
        keeper.feed(.keys(nodeKey: keys.nodeKey, next: nil))
        keeper.transport.use(
            LinkIdentity(network: network, member: own.id, nodeKey: keys.nodeKey, linkKey: keys.linkKey))
        let (database, height) = (keeper.database, keeper.node.chain.height)
        keeper.journal.read(
            { () -> Bool in
                do throws(StoreError) { return try database.headHeight() ?? .genesis >= height } catch { return false }
            },
            completion: { [self] isDurable in
                // Where the disk is full the retired keys stay until the next start.
                guard isDurable else { return }
                eraseRetired()
            })
    }

    private func eraseRetired() {
        do {
            try keys.eraseRetired()
            logger.notice("the new keys are in use; the retired ones are erased")
        } catch {
            logger.error("the retired keys cannot be erased: \(error)")
        }
    }

    // MARK: Invitations

    /// Lets the site of a card have a link, once that is durable.
    func invite(_ card: SignedCard, completion: @escaping (StoreError?) -> Void) {
        let database = keeper.database
        keeper.journal.read(
            { () -> StoreError? in
                do throws(StoreError) { try database.insert(observer: card) } catch { return error }
                return nil
            },
            completion: { [self] failure in
                if failure == nil {
                    observers.insert(card)
                    logger.notice("\(card.card.member.name) is invited: it may follow the chain from here")
                }
                completion(failure)
            })
    }

    func withdraw(_ id: MemberID, completion: @escaping (StoreError?) -> Void) {
        let database = keeper.database
        keeper.journal.read(
            { () -> StoreError? in
                do throws(StoreError) { try database.remove(observer: id) } catch { return error }
                return nil
            },
            completion: { [self] failure in
                if failure == nil {
                    observers.remove(id)
                    keeper.transport.retain { [self] in mayHaveLink($0) }
                }
                completion(failure)
            })
    }
}
