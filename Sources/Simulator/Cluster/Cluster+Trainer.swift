import Crypto
import Gossip
import Ledger

/// Trainers: what each site contributes, and when.
extension Cluster {
    /// The trainer begins on the newest base, unless it is at work or away.
    func train(_ site: Site) {
        guard let process = site.process, process.training == nil, !faults.absentTrainers[site.member] else { return }
        let chain = process.node.chain
        guard chain.members[site.identity.member] != nil else { return }
        process.training = chain.headDigest
        let due = now + 1_000 * trainerRandom.draw(faults.trainingMinimum...faults.trainingMaximum)
        queue.push(
            .submitContribution(site: site.index, life: site.life, base: chain.headDigest, height: chain.height),
            at: due)
    }

    /// The trainer is done: its payload lies complete and synced in the store.
    func submitContribution(_ site: Site, _ base: VersionDigest, _ height: Height) {
        guard let process = site.process else { return }
        if isFull(site) {
            // Refused before anything was taken: the trainer keeps its delta and comes again.
            let due = now + trainerRandom.draw(100_000...500_000)
            return queue.push(
                .submitContribution(site: site.index, life: site.life, base: base, height: height), at: due)
        }
        process.training = nil
        let (contribution, blob) = contribution(site, base, height)
        site.disk.blobs[contribution.contributionDigest] = blob
        made[contribution.contributionDigest] = contribution
        trace.say(now, "\(site.member) hands over \(contribution.contributionDigest.short) on \(height)")
        contributeTwice(site, base, height)
        turn(site, .contribute(contribution))
        offerEarly(contribution, site)
        if let process = site.process, process.node.chain.headDigest != base { train(site) }
    }

    /// What a site makes on a base: random pieces, of a copier those of somebody else.
    func contribution(_ site: Site, _ base: VersionDigest, _ height: Height) -> (Contribution, Blob) {
        let pieceBytes = Int(genesis.rules.pieceBytes)
        var payload = Blob.Payload(
            pieceBytes: pieceBytes, pieceMaximum: faults.piecesMaximum, random: &trainerRandom)
        if let copied = copiedPayload(site) { payload = copied }
        let contribution = Contribution(
            network: genesis.network, author: site.identity.member, base: base, baseHeight: height,
            encoding: genesis.rules.encoding, payloadBytes: UInt64(payload.byteCount), pieceBytes: UInt32(pieceBytes),
            pieceRoot: payload.tree.root, norm: trainerRandom.draw(1...1_000_000), steps: 10,
            tokens: site.isHonest ? 1_000 : faults.claimedTokens, lossCentinats: 200, dataSets: [], trainer: .zero
        )
        if !site.isHonest, trainerRandom.chance(faults.badPayloadPercent) {
            badContributions.insert(contribution.contributionDigest)
        }
        return (contribution, Blob(payload: payload))
    }
}
