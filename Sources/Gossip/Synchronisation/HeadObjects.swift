import Crypto
import Ledger

/// What the last adopted version embeds, by the digests by which members that are one behind ask for it.
struct HeadObjects {
    private(set) var ready: [Digest: Signed<Ready>] = [:]
    private(set) var closings: [Digest: ClosingNames] = [:]
    private(set) var closed: [Digest: Signed<Closed>] = [:]
    private(set) var availability: [Digest: AvailabilityCertificate] = [:]
    private(set) var actions: [Digest: CompleteAction] = [:]
    private(set) var contributions: [ContributionDigest: Signed<Contribution>] = [:]

    init(_ head: CertifiedVersion) {
        let embedded = head.embedded
        for record in embedded.ready { ready[record.objectDigest] = record }
        for closing in embedded.closings {
            let names = closing.names
            closings[names.digest] = names
            for (name, statement) in zip(names.statements, closing.statements) { closed[name] = statement }
        }
        for certificate in embedded.availability { availability[certificate.digest] = certificate }
        if let action = embedded.action { actions[action.objectDigest] = action }
        for contribution in head.contributions { contributions[contribution.body.contributionDigest] = contribution }
    }
}

extension Node {
    /// Made when a peer first asks: no peer asks for most versions.
    var headObjects: HeadObjects? {
        if headIndex == nil { headIndex = headVersion.map { HeadObjects($0) } }
        return headIndex
    }
}
