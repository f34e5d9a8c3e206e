import Crypto

/// Which contributions are committed: a pure function of the chain and of the `closed` statements that a payload embeds.
extension Chain {
    /// Whether a payload may rest on the statement: a member's about a round whose base may still be listed, signed with
    /// the key that the set of its height knows, naming members of that set.
    public func isValid(_ closed: Signed<Closed>, verifier: Verifier) -> Bool {
        guard let base = base(closed.body.parent), base.height.next == closed.body.height,
            closed.body.commitments.allSatisfy({ base.members[$0.author] != nil })
        else { return false }
        return closed.isValid(in: base.members, network: network, verifier: verifier)
    }

    /// Checks that every listed slot is committed by the statements that the payload embeds, each of which names one. Of
    /// several statements of one member each must name a slot that its others do not.
    func checkClosings(_ embedded: EmbeddedPayload, verifier: Verifier) throws(PayloadFault) {
        let names = embedded.payload.support.closings
        guard names.count == embedded.closings.count else { throw .wrongSupport }
        var namers: [Slot: Int] = [:]
        var parents: Set<VersionDigest> = []
        let entries = embedded.version.manifest.map {
            (slot: $0.slot, commitment: Commitment(author: $0.slot.author, contribution: $0.contribution))
        }
        for (name, closing) in zip(names, embedded.closings) {
            guard closing.names.digest == name else { throw .wrongSupport }
            guard let parent = closing.statements.first?.body.parent, parents.insert(parent).inserted else {
                throw .repeatedClosing
            }
            guard closing.statements.count <= base(parent)?.members.closingStatementsMaximum ?? 0 else {
                throw .oversizedClosing(name)
            }
            let listed = entries.filter { $0.slot.base == parent }
            // A member that signed two statements counts once per contribution.
            var named: [MemberID: [Set<Slot>]] = [:]
            for closed in closing.statements {
                let slots = listed.filter { closed.body.names($0.commitment) }.map(\.slot)
                guard closed.body.parent == parent, !slots.isEmpty, isValid(closed, verifier: verifier) else {
                    throw .foreignClosed(closed.objectDigest)
                }
                named[closed.signer, default: []].append(Set(slots))
            }
            for signer in named.keys.sorted() {
                let statements = named[signer] ?? []
                for (index, slots) in statements.enumerated() {
                    let others = statements.indices.filter { $0 != index }.reduce(into: Set<Slot>()) {
                        $0.formUnion(statements[$1])
                    }
                    guard !slots.isSubset(of: others) else { throw .repeatedClosedSigner(signer) }
                }
                for slot in statements.reduce(into: Set<Slot>(), { $0.formUnion($1) }) { namers[slot, default: 0] += 1 }
            }
        }
        for entry in entries {
            guard let base = base(entry.slot.base), namers[entry.slot, default: 0] >= base.members.commitmentThreshold
            else { throw .uncommitted(entry.slot) }
        }
    }
}
