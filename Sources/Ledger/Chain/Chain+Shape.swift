import Crypto

/// What can be judged of a payload for the next height before anything that it names is here. A pure function of the chain
/// and the payload, so all honest members judge alike.
///
/// It bounds what a payload makes others request, keep and verify: a quorum of ready records, one entry per slot, one
/// closing per base. A leader that names more gets nothing for it.
extension Chain {
    public func checkShape(_ payload: Payload) throws(PayloadFault) {
        let (version, support) = (payload.version, payload.support)
        try checkContinues(version)
        guard version.support == support.digest else { throw .wrongSupport }
        guard support.ready.count == members.quorum else {
            throw .tooFewReady(count: support.ready.count, quorum: members.quorum)
        }
        if support.action == nil, version.action == nil {
            guard version.rules == rules.digest else { throw .wrongRules }
            guard version.members == members.digest else { throw .wrongMembers }
        }
        let count = version.manifest.count
        guard count == 0 || count >= Int(rules.minContributions) else {
            throw .tooFewContributions(count: count, minimum: rules.minContributions)
        }
        for entry in version.manifest where !hasSlot(entry.slot) { throw .unknownSlot(entry.slot) }
        guard support.closings.count <= Set(version.manifest.map(\.slot.base)).count else { throw .repeatedClosing }
    }

    /// Whether a payload for the next height may rest on a closing of so many statements.
    public func mayRest(on closing: ClosingNames) -> Bool {
        bases.contains { closing.statements.count <= $0.members.closingStatementsMaximum }
    }
}
