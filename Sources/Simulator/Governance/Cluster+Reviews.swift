import Crypto
import Gossip
import Ledger

/// What operators say about contributions.
extension Cluster {
    /// Some operators veto what one site knows of, as many as it takes or too few; some approve.
    func randomReview() {
        let running = sites.filter { $0.process != nil && $0.isHonest }
        guard !running.isEmpty, let process = operators.random.pick(running).process else { return }
        let candidates = process.node.report(now: process.clock.reading(at: now)).candidates
        guard !candidates.isEmpty else { return }
        let contribution = operators.random.pick(candidates).contribution
        let verdict: ReviewVerdict = operators.random.chance(75) ? .veto : .approve
        let statement = ReviewStatement(
            verdict: verdict, slot: contribution.slot, contribution: contribution.contributionDigest)
        let reviewers = operators.random.permutation(of: options.nodes)
            .prefix(1 + operators.random.draw(below: max(1, options.nodes / 2)))
        for member in reviewers {
            queue.push(.review(member: member, statement), at: now + 1_000 * operators.random.draw(0...300))
        }
    }

    func review(_ statement: ReviewStatement, by member: Int) {
        let site = sites[bodies[member][0]]
        guard let process = site.process, let (key, epoch) = operators.key(of: member, in: process.node.chain.members)
        else { return }
        counts.add(.reviews)
        let signature = OperatorSignature(
            signer: site.identity.member, keyEpoch: epoch,
            signature: statement.signature(by: key, network: genesis.network))
        turn(site, .review(SignedReview(statement: statement, signature: signature)))
    }
}
