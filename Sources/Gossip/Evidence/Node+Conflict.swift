import Crypto
import Ledger

/// Certificates that contradict what this node adopted, or each other.
struct ConflictTable {
    /// The first one of each height that contradicts what is or was known there.
    var certificates: [Height: VoteCertificate] = [:]

    /// Heights at which one is kept: a person needs the first.
    static let heightsMaximum = 16
}

extension Node {
    /// Looks at a certificate of a version. One that contradicts an adopted version is kept and raises an alarm; two
    /// that contradict each other at the height that is to be adopted next stop this node, which cannot know the right
    /// one.
    ///
    /// - Returns: false where a signature is forged: the link is cut.
    func observe(_ certificate: VoteCertificate, from link: LinkID) -> Bool {
        let vote = certificate.vote
        // Adopted versions, and those that header sync to the newest one has passed.
        let headers = synchronisation.headerSync.tip.chain.history
        guard vote.kind == .finalize, certificate.network == chain.network,
            conflicts.certificates[vote.height] == nil,
            conflicts.certificates.count < ConflictTable.heightsMaximum,
            let known = headers.version(at: vote.height) ?? decidedVersion(at: vote.height), known != vote.version,
            let members = headers.members(of: vote.height),
            certificate.signatures.fits(members), certificate.signatures.signatures.count >= members.quorum
        else { return true }
        guard certificate.isValid(members: members, network: chain.network, verifier: verifier) else {
            cutOff(link, .invalidSignature)
            return false
        }
        var entries: [JournalEntry] = [.conflictingCertificate(certificate)]
        if vote.height > chain.height, let decided = height.decided { entries.append(.conflictingCertificate(decided)) }
        persist(entries, then: [])
        conflict(certificate)
        return true
    }

    private func decidedVersion(at wanted: Height) -> VersionDigest? {
        wanted == height.height ? height.decided?.vote.version : nil
    }

    /// A valid certificate of another version than the one that is known at its height.
    private func conflict(_ certificate: VoteCertificate) {
        let at = certificate.vote.height
        conflicts.certificates[at] = certificate
        let stops = at > chain.height || currentDoubleSigners(of: certificate) > chain.members.faultBound
        raise(stops ? .conflictingCertificates(at) : .retiredKeysCertified(at))
    }

    /// How many members at least signed both this certificate and the one that this node adopted by, with keys that
    /// they still hold.
    ///
    /// Where the adopted certificate is not at hand: so many more than a quorum cannot have signed one of the two only.
    func currentDoubleSigners(of certificate: VoteCertificate) -> Int {
        guard let members = chain.history.members(of: certificate.vote.height) else { return 0 }
        let current = certificate.signatures.signers.filter { index in
            guard index < members.count else { return false }
            let member = members.members[index]
            return chain.members[member.id]?.nodeKey == member.nodeKey
        }
        if let own = headVersion?.certificate, own.vote.height == certificate.vote.height {
            return Set(current).intersection(own.signatures.signers).count
        }
        return max(0, current.count + members.quorum - members.count)
    }

    /// Certificates that the journal kept raise their alarms again.
    func restore(conflicting certificates: [VoteCertificate]) {
        for certificate in certificates {
            let at = certificate.vote.height
            // Of a height that is not adopted it was kept only because something else is certified too.
            if at > chain.height || chain.history.version(at: at).map({ $0 != certificate.vote.version }) ?? false {
                conflict(certificate)
            }
        }
    }
}
