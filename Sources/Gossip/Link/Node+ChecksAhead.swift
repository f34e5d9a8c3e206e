import Crypto
import Ledger

/// Signatures of a message can be checked on other threads before the node handles it. The node then finds the results
/// in its verifier; what was not checked ahead, it checks itself. So the results change when something is computed,
/// never what the node does.
extension Node {
    /// Checks that the node will make when it handles this message, as far as its present state tells.
    ///
    /// - Returns: at most as many as the message has signatures; none for bytes that are no message.
    public func signatureChecks(in bytes: [UInt8], from link: LinkID) -> [SignatureCheck] {
        guard let message = try? reader.message(bytes) else { return [] }
        return verifier.checks { check(message, from: link) }
    }

    /// Takes the result of a check that another thread computed.
    public func learn(_ check: SignatureCheck, isValid: Bool) { verifier.learn(check, isValid: isValid) }

    /// Asks the same as the node does before it checks: what is checked here alone is charged to no link.
    private func check(_ message: Message, from link: LinkID) {
        // Of the next height the set is not certain yet; it is this one, unless the version that is agreed on changes
        // it.
        let next = isEarly(message) ? height.members : nil
        for statement in statements(in: message) {
            guard let members = next ?? membersToCheck(statement) else { continue }
            _ = statement.isValid(in: members, network: chain.network, verifier: verifier)
        }
        switch message {
        case .address(let record):
            let known = addresses[record.signer]?.body.sequence
            guard record.signer == record.body.member, record.signer != identity.member,
                chain.members[record.signer] != nil, known.map({ $0 < record.body.sequence }) ?? true
            else { return }
            _ = record.isValid(in: chain.members, network: chain.network, verifier: verifier)
        case .report(let report) where isWorthChecking(report, from: link):
            _ = report.isValid(in: chain.members, network: chain.network, verifier: verifier)
        case .review(let review) where isWorthChecking(review):
            _ = chain.isValid(review, verifier: verifier)
        case .verdict(let judged) where isWorthChecking(judged):
            _ = judged.verdict.isValid(in: chain.members, network: chain.network, verifier: verifier)
        case .action(let signed):
            for signature in signaturesToCheck(signed)?.fresh ?? [] {
                _ = chain.isSigned(signed.action, by: signature, verifier: verifier)
            }
        case .headerPart(let part):
            // A version that comes in one part, as most do.
            guard synchronisation.request?.link == link, part.offset == 0, part.bytes.count == part.byteCount,
                part.height == synchronisation.headerSync.height.next,
                let certified = try? CertifiedVersion(encoded: part.bytes)
            else { return }
            _ = try? synchronisation.headerSync.tip.chain.audited(certified, verifier: verifier)
        default: break
        }
    }
}
