import Gossip
import Ledger

/// What each honest process heard of commitments before it closed the round.
extension Cluster {
    /// A message is about to be handed to the site's node.
    func noteHeard(_ bytes: [UInt8], by site: Site) {
        let scan = checkers.scans.scan(bytes)
        guard site.isHonest, let process = site.process, scan.isOneRecord, let signed = scan.contributions.first else {
            return
        }
        let head = process.node.chain.headDigest
        guard signed.body.base == head, made[signed.body.contributionDigest] != nil,
            signed.body.author != site.identity.member
        else { return }
        process.heard.removeAll { $0.base != head }
        process.heard.append(signed.body)
    }

    /// A node asks for a batch: with a `closed` statement of its own it says what it had heard. One of an older round
    /// is only made durable once more.
    func noteClosing(_ entries: [JournalEntry], of site: Site) {
        guard site.isHonest, let process = site.process else { return }
        let head = process.node.chain.headDigest
        for case .closed(let closed) in entries
        where closed.signer == site.identity.member && closed.body.parent == head {
            checkers.closes(closed.body, by: site.member, heard: process.heard)
        }
    }
}
