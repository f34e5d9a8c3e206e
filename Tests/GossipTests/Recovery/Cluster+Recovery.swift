import Crypto
import Ledger
import Link

@testable import Gossip

/// What is on a site's disk.
struct DiskCopy {
    let journal: [JournalEntry]
    let adopted: [CertifiedVersion]
    let pieces: [ContributionDigest: [Bool]]
}

extension Cluster {
    func backup(_ index: Int) -> DiskCopy {
        DiskCopy(journal: sites[index].journal, adopted: sites[index].adopted, pieces: sites[index].pieces)
    }

    /// The site goes down, and comes up with another disk: an older one, or an empty one.
    func restart(_ index: Int, from copy: DiskCopy = DiskCopy(journal: [], adopted: [], pieces: [:])) throws {
        crash(index)
        settle()
        sites[index].journal = copy.journal
        sites[index].adopted = copy.adopted
        sites[index].pieces = copy.pieces
        try restart(index)
    }

    /// Nobody hears a vote that finalizes at this height, nor a proposal of a later view: it ends with the first.
    func dropsFinalizing(_ height: Height) {
        drops = { _, _, message in
            switch message {
            case .votes(let votes): votes.vote.kind == .finalize && votes.vote.height == height
            case .proposal(let proposal): proposal.body.height == height && proposal.body.view > .first
            default: false
            }
        }
    }

    /// What one site says of its height never gets to another, by whatever way.
    func dropsReports(of reporter: Int, to asker: Int) {
        let (signer, earlier) = (sites[reporter].identity.member, drops)
        drops = { from, to, message in
            if case .report(let report) = message, to == asker, report.signer == signer { return true }
            return earlier(from, to, message)
        }
    }

    func standing(_ index: Int) -> NodeReport.Signing { sites[index].node.report(now: now).signing }

    /// Of this start on: the journal of a site that was taken for lost.
    func losses(of index: Int) -> [JournalLoss] {
        sites[index].notices.compactMap { if case .journalLost(let loss) = $0 { loss } else { nil } }
    }

    func abstentions(of index: Int) -> [Height] {
        sites[index].notices.compactMap { if case .abstaining(let height) = $0 { height } else { nil } }
    }

    /// Everything that a site ever signed and anybody heard, from whomever.
    func heard(of index: Int) -> Set<SignedStatement> {
        let node = sites[index].node
        let member = sites[index].identity.member
        var found: Set<SignedStatement> = []
        for site in sites { for sent in site.sent { found.formUnion(statements(of: member, in: sent.message, node)) } }
        return found
    }

    /// By shape alone: the set never changes in a cluster, so indexes do not either.
    private func statements(of member: MemberID, in message: Message, _ node: Node) -> [SignedStatement] {
        switch message {
        case .report(let report): report.body.member == member ? report.body.statements : []
        default: node.statements(of: member, in: message)
        }
    }

    /// Pairs that no honest member makes, by what `Evidence` says.
    func contradictions(of index: Int) -> [Evidence] {
        let statements = heard(of: index).filter {
            $0.isSigned(
                by: sites[index].identity.member, key: sites[index].identity.nodeKey.verifyingKey,
                network: genesis.network, verifier: Verifier())
        }
        var found: [Evidence] = []
        for first in statements {
            for second in statements {
                let pair: Evidence? =
                    switch (first, second) {
                    case (.vote(let first), .vote(let second)): .votes(first, second)
                    case (.proposal(let first), .proposal(let second)): .proposals(first, second)
                    case (.closed(let first), .closed(let second)): .closed(first, second)
                    case (.ready(let first), .ready(let second)): .ready(first, second)
                    case (.contribution(let first), .contribution(let second)): .contributions(first, second)
                    case (.availabilityVote(let first), .availabilityVote(let second)): .availabilityVote(first, second)
                    default: nil
                    }
                if let pair, pair.isProof(in: genesis.members, network: genesis.network, verifier: Verifier()) {
                    found.append(pair)
                }
            }
        }
        return found
    }

    func highestSigned(by index: Int) -> Height { heard(of: index).map(\.height).max() ?? .genesis }
}
