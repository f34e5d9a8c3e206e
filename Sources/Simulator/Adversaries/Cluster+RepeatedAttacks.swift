import Crypto
import Gossip
import Ledger
import Link

/// What Byzantine members do by themselves, again and again.
extension Cluster {
    private static let repeatedAttacks: [ByzantineBehaviour] = [
        .reproposesUnjustified, .equivocatesVotes, .nullifiesAll, .falseReady, .falseAvailabilityVotes,
        .staleContributions,
        .asksEarly, .closesTwice, .namesLate, .floodsContributions, .hugePayloads, .forgesAddresses, .floodsEvidence,
        .forgesCertificates, .malformsLengths,
        .replaysActions, .forgesActions, .floodsActions,
    ]

    func scheduleAttack(_ site: Site) {
        guard Cluster.repeatedAttacks.contains(where: { site.does($0) }) else { return }
        queue.push(.attack(site: site.index, life: site.life), at: now + byzantineRandom.draw(50_000...1_000_000))
    }

    func attack(_ site: Site) {
        scheduleAttack(site)
        guard let process = site.process, let position = position(of: site) else { return }
        let chain = process.node.chain
        for behaviour in site.behaviours {
            let sent = measures.messages
            switch behaviour {
            case .reproposesUnjustified:
                proposeAhead(position, site, chain)
                continue
            case .equivocatesVotes: voteForAll(position, site, chain)
            case .nullifiesAll: nullifyAll(position, site, chain)
            case .falseReady: sayFalseReady(position, site, chain)
            case .falseAvailabilityVotes: voteAvailabilityOfAll(position, site, chain)
            case .staleContributions: contributeStale(position, site, chain)
            case .asksEarly: askEarly(site, chain)
            case .closesTwice: closeTwice(position, site, chain)
            case .namesLate:
                nameLate(site, chain)
                continue
            case .floodsContributions: flood(position, site, chain)
            case .hugePayloads: announceHuge(position, site, chain)
            case .forgesAddresses: forgeAddresses(site)
            case .floodsEvidence: floodEvidence(position, site, chain)
            case .forgesCertificates: forgeCertificates(position, site, chain)
            case .malformsLengths: malform(site)
            case .replaysActions: if !replayActions(site) { continue }
            case .forgesActions: forgeActions(site, chain)
            case .floodsActions: floodActions(site, chain)
            default: continue
            }
            if measures.messages > sent { counts.add(behaviour) }
        }
    }

    /// Where the site's member stands in the set that decides the next height; nil where it is none.
    func position(of site: Site) -> Int? { coalition.members.index(of: site.identity.member) }

    /// Sends to the peers that are linked and wanted.
    func spread(_ bytes: [UInt8], from site: Site, to isWanted: (Int) -> Bool = { _ in true }) {
        guard let process = site.process else { return }
        for link in process.links.keys.sorted() {
            guard let mine = process.links[link], let connection = connections[mine.connection],
                connection.ends[mine.end].isUp, isWanted(sites[connection.ends[1 - mine.end].site].member)
            else { continue }
            transmit(bytes, from: site, over: mine)
        }
    }

    /// Whether a site of one member has a link to another that is up.
    func hasLink(from one: Int, to other: Int) -> Bool {
        guard let process = sites[bodies[one][0]].process else { return false }
        return process.links.values.contains { mine in
            connections[mine.connection].map {
                $0.ends[mine.end].isUp && sites[$0.ends[1 - mine.end].site].member == other
            } ?? false
        }
    }

    /// A part of the members, drawn anew.
    private func someMembers(percent: UInt64) -> [Bool] {
        (0..<options.nodes).map { _ in byzantineRandom.chance(percent) }
    }

    func single(_ vote: Vote, by position: Int) -> VoteCertificate {
        VoteCertificate(
            network: genesis.network, vote: vote,
            signatures: QuorumSignatures(
                [position: coalition.signed(vote, by: position).signature], memberCount: coalition.members.count))
    }

    // MARK: - Votes

    /// Every proposal of the last two views, finalized and given up.
    private func voteForAll(_ position: Int, _ site: Site, _ chain: Chain) {
        let height = chain.nextHeight
        let proposals = coalition.proposals[height.value] ?? [:]
        for view in proposals.keys.sorted().suffix(2) {
            var votes = [Vote.nullify(height: height, view: View(view))]
            for proposal in proposals[view] ?? [] {
                for kind in [VoteKind.notarize, .finalize] {
                    votes.append(Vote(kind: kind, height: height, view: View(view), version: proposal.body.version))
                }
            }
            for vote in votes {
                let wanted = someMembers(percent: 70)
                spread(ForgedMessage.votes(single(vote, by: position)), from: site) { wanted[$0] }
            }
        }
    }

    private func nullifyAll(_ position: Int, _ site: Site, _ chain: Chain) {
        let first = process(site)?.report(now: Instant(milliseconds: 0)).view.value ?? 1
        for view in first..<first + 20 {
            let vote = Vote.nullify(height: chain.nextHeight, view: View(view))
            spread(ForgedMessage.votes(single(vote, by: position)), from: site)
        }
    }

    private func process(_ site: Site) -> Node? { site.process?.node }

    // MARK: - Ready records and availability votes

    private func sayFalseReady(_ position: Int, _ site: Site, _ chain: Chain) {
        let certified = coalition.certifiableSlots(on: chain.headDigest)
        let wanted = someMembers(percent: 50)
        for isFirst in [true, false] {
            var slots = Set(certified.filter { _ in byzantineRandom.chance(50) })
            // Slots that nobody holds anything in.
            for member in coalition.members.members where byzantineRandom.chance(30) {
                slots.insert(Slot(author: member.id, base: chain.headDigest))
            }
            let ready = coalition.signed(
                Ready(height: chain.nextHeight, parent: chain.headDigest, slots: slots.sorted()), by: position)
            spread(ForgedMessage.ready(ready), from: site) { wanted[$0] == isFirst }
        }
    }

    private func voteAvailabilityOfAll(_ position: Int, _ site: Site, _ chain: Chain) {
        for slot in coalition.contributions.keys.sorted() where chain.base(slot.base) != nil {
            for contribution in coalition.contributions[slot] ?? [] where byzantineRandom.chance(50) {
                spread(ForgedMessage.availability(availabilityVote(contribution.body, by: position)), from: site)
            }
        }
    }

    private func availabilityVote(_ contribution: Contribution, by position: Int) -> AvailabilityCertificate {
        let vote = AvailabilityVote(contribution)
        return AvailabilityCertificate(
            vote: vote,
            signatures: QuorumSignatures(
                [position: coalition.signed(vote, by: position).signature], memberCount: coalition.members.count))
    }

    // MARK: - Contributions

    /// A second contribution in the slot, for half of the members.
    func contributeTwice(_ site: Site, _ base: VersionDigest, _ height: Height) {
        guard site.does(.equivocatesContributions), let position = position(of: site) else { return }
        let sent = measures.messages
        let (second, blob) = contribution(site, base, height)
        site.disk.blobs[second.contributionDigest] = blob
        let wanted = someMembers(percent: 50)
        spread(ForgedMessage.contribution(coalition.signed(second, by: position)), from: site) { wanted[$0] }
        if measures.messages > sent { counts.add(.equivocatesContributions) }
    }

    private func contributeStale(_ position: Int, _ site: Site, _ chain: Chain) {
        let old = site.disk.adopted.dropLast(3).last?.version
        let author = byzantineRandom.pick(coalition.members.members).id
        let unknown = VersionDigest(Digest(DigestDomain("mesh/sim-wrong"), chain.headDigest.digest.bytes))
        let forged: Contribution
        switch byzantineRandom.draw(below: 4) {
        case 0:
            let base = old ?? genesis.version
            forged = invented(site.identity.member, base.versionDigest, base.height)
        case 1: forged = invented(site.identity.member, unknown, chain.height)
        case 2: forged = invented(site.identity.member, chain.headDigest, Height(chain.height.value + 1))
        default: forged = invented(author, chain.headDigest, chain.height)
        }
        spread(ForgedMessage.contribution(coalition.signed(forged, by: position)), from: site)
    }

    private func flood(_ position: Int, _ site: Site, _ chain: Chain) {
        for _ in 0..<8 {
            let base = byzantineRandom.pick(chain.bases)
            let forged = invented(site.identity.member, base.digest, base.height)
            spread(ForgedMessage.contribution(coalition.signed(forged, by: position)), from: site)
            let nothing = ContributionDigest(
                Digest(DigestDomain("mesh/sim-wrong"), [UInt8(byzantineRandom.draw(0...255))]))
            spread(ForgedMessage.have(nothing, count: Int(byzantineRandom.draw(1...4_096))), from: site)
        }
    }

    private func announceHuge(_ position: Int, _ site: Site, _ chain: Chain) {
        let base = byzantineRandom.pick(chain.bases)
        let largest = base.payloadBytesMaximum
        // At most as many pieces as a record may have.
        let beyond = min(UInt64(Limits.pieces) * UInt64(base.rules.pieceBytes) - largest, 1 << 32)
        let sizes = [
            largest, largest + 1, largest + byzantineRandom.draw(1...beyond),
            base.rules.contributionBytesMaximum, Limits.payloadBytesMaximum,
        ]
        let author = byzantineRandom.chance(50) ? site.identity.member : byzantineRandom.pick(base.members.members).id
        let forged = invented(author, base.digest, base.height, bytes: byzantineRandom.pick(sizes))
        spread(ForgedMessage.contribution(coalition.signed(forged, by: position)), from: site)
    }

    /// As many as a link carries in a moment: an honest receiver must not check them all.
    private func forgeAddresses(_ site: Site) {
        for _ in 0..<64 {
            let member = byzantineRandom.pick(coalition.members.members).id
            guard member != site.identity.member else { continue }
            let record = AddressRecord(
                member: member, addresses: ["site-0:1"], sequence: byzantineRandom.draw(1...1 << 32))
            spread(
                ForgedMessage.address(Signed(signer: member, body: record, signature: wrongSignature())), from: site)
        }
    }

    /// A contribution whose payload is nowhere.
    ///
    /// - Parameter bytes: of the payload; nil for any number that the model can give.
    private func invented(
        _ author: MemberID, _ base: VersionDigest, _ height: Height, bytes: UInt64? = nil
    ) -> Contribution {
        Contribution(
            network: genesis.network, author: author, base: base, baseHeight: height, encoding: genesis.rules.encoding,
            payloadBytes: bytes ?? byzantineRandom.draw(1...genesis.rules.payloadBytesMaximum(of: genesis.tensors)),
            pieceBytes: genesis.rules.pieceBytes,
            pieceRoot: Digest(DigestDomain("mesh/sim-wrong"), base.digest.bytes),
            norm: byzantineRandom.draw(1...1_000_000), steps: 10, tokens: 1_000, lossCentinats: 200, dataSets: [],
            trainer: .zero)
    }
}
