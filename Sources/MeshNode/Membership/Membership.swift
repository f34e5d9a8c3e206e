import Crypto
import Gossip
import Ledger
import Link
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
    private let driver: Driver
    private let network: NetworkID
    private let expected: ExpectedVersion?
    private var members: MemberSet
    private let logger: Logger

    init(
        driver: Driver, keys: KeyRing, observers: Observers, expected: ExpectedVersion?, logger: Logger
    ) {
        self.driver = driver
        self.keys = keys
        self.observers = observers
        self.expected = expected
        self.logger = logger
        network = driver.node.chain.network
        members = driver.node.chain.members
        offerNextKeys()
    }

    /// Peers that have forgotten this site's present keys let it in with the next ones: it was away while they changed.
    /// The version that names them comes over such a link, and they are taken up as always.
    private func offerNextKeys() {
        do {
            guard let next = try keys.nextKeys() else { return }
            driver.transport.nextIdentity = LinkIdentity(
                network: network, member: driver.node.identity.member, nodeKey: next.node, linkKey: next.link)
        } catch {
            logger.error("this site's next keys cannot be read: \(error)")
        }
    }

    /// Whose link key this is, of those who may have a link: members, members of the last bases, so that one that is
    /// removed keeps its links for a while, and invited sites.
    func admits(_ linkKey: LinkPublicKey) -> LinkPeer? {
        let chain = driver.node.chain
        if let peer = chain.members.linkPeer(linkKey: linkKey) { return peer }
        for base in chain.bases.reversed() {
            if let peer = base.members.linkPeer(linkKey: linkKey) { return peer }
        }
        return observers.linkPeer(linkKey: linkKey, chain)
    }

    private func mayHaveLink(_ id: MemberID) -> Bool {
        let chain = driver.node.chain
        return chain.members[id] != nil || chain.bases.contains { $0.members[id] != nil }
            || observers.observer(id, chain) != nil
    }

    func noticed(_ notice: Notice) {
        switch notice {
        case .adopted, .synchronised:
            if isExpectedChain() { followMembers() }
        case .headerSynced: _ = isExpectedChain()
        case .proposalKnown(let action, _): proposed(action)
        default: break
        }
    }

    /// An action that gives this site its first or its next keys: it proves that it has them.
    private func proposed(_ action: GovernanceAction) {
        let identity = driver.node.identity
        do {
            switch action.change {
            case .admit(let member) where member.id == identity.member:
                guard member.nodeKey == keys.nodeKey.verifyingKey else { return }
                prove(action, by: keys.nodeKey)
            case .rotate(let member) where member.id == identity.member:
                guard let next = try keys.nextNodeKey(for: member) else { return }
                // It may have to say that it is ready for the set that knows its new key.
                if identity.nextNodeKey?.verifyingKey != next.verifyingKey {
                    driver.feed(.keys(nodeKey: keys.nodeKey, next: next))
                }
                prove(action, by: next)
            default: break
            }
        } catch {
            logger.error("this site's next node key cannot be read: \(error)")
        }
    }

    private func prove(_ action: GovernanceAction, by key: SigningKey) {
        let proposals = driver.node.report(now: driver.now).proposals
        guard let known = proposals.first(where: { $0.digest == action.digest })?.signed, known.possession == nil else {
            return
        }
        driver.feed(
            .govern(
                SignedGovernanceAction(
                    action: action, operators: known.operators,
                    possession: action.signature(by: key, network: network))))
    }

    /// Whether the invitation's version stands at its height, as far as the chain is known.
    private func isExpectedChain() -> Bool {
        guard let expected, let found = driver.node.certifiedVersion(at: expected.height), found != expected.version
        else { return true }
        onForeignChain?(Membership.foreign(expected, found: found))
        return false
    }

    private func followMembers() {
        let chain = driver.node.chain
        if chain.members != members {
            changed(from: members, to: chain.members)
            members = chain.members
        }
        endInvitations()
        // It was tried once, so the version that retired the key is durable.
        if keys.residue != nil { eraseRetired() }
        driver.transport.retain { [self] in mayHaveLink($0) }
    }

    static func foreign(_ expected: ExpectedVersion, found: VersionDigest) -> String {
        "version \(expected.height) of this chain is \(found.short), and the invitation names \(expected.version.short): this is another fork"
    }

    private func changed(from old: MemberSet, to new: MemberSet) {
        for member in new.members where old[member.id] == nil {
            logger.notice("\(member.name) is a member from version \(driver.node.chain.nextHeight) on")
            if observers.invitations[member.id] != nil { remove(member.id, leaving: nil) { _ in } }
        }
        for member in old.members where new[member.id] == nil {
            logger.notice("\(member.name) is no member any more")
        }
        for member in new.members {
            guard let before = old[member.id], before.keyEpoch != member.keyEpoch else { continue }
            logger.notice("\(member.name) has new keys, of epoch \(member.keyEpoch)")
        }
        if let own = new[driver.node.identity.member] { follow(own) }
        driver.transport.dialAgain()
    }

    /// Takes up this site's next keys where the set names them, and erases the retired ones once that is durable.
    private func follow(_ own: Member) {
        do {
            guard try keys.follow(own) else { return }
        } catch {
            logger.critical("this site's keys were rotated, and the new ones cannot be used: \(error)")
            return
        }
        driver.feed(.keys(nodeKey: keys.nodeKey, next: nil))
        driver.transport.use(
            LinkIdentity(network: network, member: own.id, nodeKey: keys.nodeKey, linkKey: keys.linkKey))
        let (database, height) = (driver.database, driver.node.chain.height)
        driver.journal.read(
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
        keys.eraseRetired()
        if let residue = keys.residue {
            logger.error("\(Membership.retiredKeyAlarm(residue))")
        } else {
            logger.notice("the new keys are in use; the retired ones are erased")
        }
    }

    /// What an operator is told while a retired key cannot be erased.
    static func retiredKeyAlarm(_ residue: String) -> String {
        "a retired key is still on the disk and could be stolen: \(residue). Make the directory of the keys writable for the "
            + "daemon; it tries again with each version and at each start"
    }

    // MARK: Invitations

    /// The sites whose invitation counts on the present chain.
    var invited: [Member] { observers.current(driver.node.chain) }

    /// Lets the invited site have a link, once that is durable. The caller has asked for a refusal before.
    func invite(_ signed: SignedInvitation, completion: @escaping (StoreError?) -> Void) {
        let database = driver.database
        driver.journal.read(
            { () -> StoreError? in
                do throws(StoreError) { try database.insert(observer: signed) } catch { return error }
                return nil
            },
            completion: { [self] failure in
                if failure == nil {
                    observers.insert(signed)
                    logger.notice(
                        "\(signed.invitation.invitee.name) is invited until version \(signed.invitation.expires): it may follow the chain from here"
                    )
                }
                completion(failure)
            })
    }

    /// Ends an invitation, once that is durable; the same invitation is not taken again.
    func withdraw(_ id: MemberID, completion: @escaping (StoreError?) -> Void) {
        remove(id, leaving: observers.tombstone(of: id), completion: completion)
    }

    private func remove(
        _ id: MemberID, leaving tombstone: Observers.Withdrawn?, completion: @escaping (StoreError?) -> Void
    ) {
        let database = driver.database
        driver.journal.read(
            { () -> StoreError? in
                do throws(StoreError) { try database.remove(observer: id, leaving: tombstone) } catch { return error }
                return nil
            },
            completion: { [self] failure in
                if failure == nil {
                    observers.remove(id, leaving: tombstone)
                    driver.transport.retain { [self] in mayHaveLink($0) }
                }
                completion(failure)
            })
    }

    /// Removes what does not count any more: invitations that expired or that a retired operator key signed, and what
    /// was remembered of withdrawn ones that would have expired.
    private func endInvitations() {
        let chain = driver.node.chain
        for id in observers.ended(chain) {
            let name = observers.invitations[id]?.invitation.invitee.name ?? id.short
            logger.notice("the invitation of \(name) ends: it expired, or this site's operator key was rotated")
            remove(id, leaving: nil) { _ in }
        }
        for id in observers.forgetExpired(chain) { remove(id, leaving: nil) { _ in } }
    }
}
