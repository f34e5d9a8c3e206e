import Ledger

extension Node {
    /// Announces where this node can be reached, with a higher sequence number whenever that changed.
    func announceOwnAddress() {
        guard chain.members[identity.member] != nil else { return }
        let known = addresses[identity.member]
        guard known?.body.addresses != identity.addresses else { return }
        let record = Signed(
            AddressRecord(
                member: identity.member, addresses: identity.addresses, sequence: (known?.body.sequence ?? 0) + 1),
            signer: identity.member, key: identity.nodeKey, network: chain.network)
        addresses[identity.member] = record
        persist([.address(record)], then: [.ownAddress(record)])
    }

    func received(_ record: Signed<AddressRecord>, from link: LinkID) {
        let member = record.body.member
        guard record.signer == member, member != identity.member, chain.members[member] != nil else { return }
        if let known = addresses[member], known.body.sequence >= record.body.sequence { return }
        guard record.isValid(in: chain.members, network: chain.network, verifier: verifier) else {
            cutOff(link, .invalidSignature)
            return
        }
        addresses[member] = record
        // A record costs a sync and a message to everybody: of one member's, one at once and then one a tick.
        if let last = pacing.addressTaken[member], now.since(last) < timing.standstill {
            pacing.addressesWaiting.insert(member)
        } else {
            take(record, except: link)
        }
    }

    /// What waited goes on at the tick: of each member the newest.
    func takeWaitingAddresses() {
        for member in pacing.addressesWaiting.sorted() {
            if let record = addresses[member] { take(record, except: nil) }
        }
        pacing.addressesWaiting = []
    }

    private func take(_ record: Signed<AddressRecord>, except link: LinkID?) {
        pacing.addressTaken[record.body.member] = now
        persist([.address(record)], then: [])
        actions.append(.addresses(record.body.member, record.body.addresses))
        broadcast(.address(record), except: link)
    }
}
