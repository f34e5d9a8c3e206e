import Ledger
import Link

extension Node {
    /// Announces where this node can be reached, with a higher sequence number whenever that changed.
    func announceOwnAddress() {
        guard let key = identity.key(in: chain.members) else { return }
        let known = addresses[identity.member]
        let isCurrent = known?.isValid(in: chain.members, network: chain.network, verifier: verifier) ?? false
        guard known?.body.addresses != identity.addresses || !isCurrent else { return }
        let record = sign(
            AddressRecord(
                member: identity.member, addresses: identity.addresses, sequence: (known?.body.sequence ?? 0) + 1),
            by: key)
        addresses[identity.member] = record
        persist([.address(record)], then: [.ownAddress(record)])
    }

    func received(_ record: Signed<AddressRecord>, from link: LinkID) {
        let member = record.body.member
        if member == identity.member { return received(own: record) }
        guard record.signer == member, chain.members[member] != nil else { return }
        if let known = addresses[member], known.body.sequence >= record.body.sequence { return }
        // One that the key of before or after a rotation signed is passed on in good faith by whoever lags or leads.
        guard record.isValid(in: chain.members, network: chain.network, verifier: verifier) else { return }
        addresses[member] = record
        // A record costs a sync and a message to everybody: of one member's, one at once and then one a tick. In a
        // large mesh it goes on at the tick, to those that do not hear the member itself, which by then is known.
        let last = pacing.addressTaken[member]
        let isTaken = last.map { now.since($0) >= timing.antiEntropyInterval } ?? true
        if isTaken { take(record) } else { pacing.addressesWaiting.insert(member) }
        if isTaken, !isLargeMesh {
            send(.address(record), to: .all(except: link))
        } else {
            pacing.addressesHeard[member] = link
        }
    }

    /// After a change of the set: addresses of members that left or whose key changed go, and the own one is signed
    /// anew.
    func renewAddresses() {
        addresses = addresses.filter { member, record in
            member == identity.member || record.isValid(in: chain.members, network: chain.network, verifier: verifier)
        }
        announceOwnAddress()
    }

    /// A life whose journal is gone numbered its records further than this one: others would take no lower number.
    private func received(own record: Signed<AddressRecord>) {
        guard !recovery.isOpen || recovery.isAbstaining(at: chain.height),
            record.body.sequence > addresses[identity.member]?.body.sequence ?? 0,
            record.isValid(in: chain.members, network: chain.network, verifier: verifier)
        else { return }
        addresses[identity.member] = record
        persist([.address(record)], then: [])
        announceOwnAddress()
    }

    /// What waited goes on at the tick: of each member the newest.
    func takeWaitingAddresses() {
        for member in pacing.addressesWaiting.sorted() {
            if let record = addresses[member] { take(record) }
        }
        pacing.addressesWaiting = []
        for member in pacing.addressesHeard.keys.sorted() {
            guard let record = addresses[member], let link = pacing.addressesHeard[member] else { continue }
            if isLargeMesh {
                send(.address(record), to: .unreached(by: member, from: link))
            } else {
                send(.address(record), to: .all(except: link))
            }
        }
        pacing.addressesHeard = [:]
    }

    private func take(_ record: Signed<AddressRecord>) {
        pacing.addressTaken[record.body.member] = now
        persist([.address(record)], then: [])
        effects.append(.addresses(record.body.member, record.body.addresses))
    }
}
