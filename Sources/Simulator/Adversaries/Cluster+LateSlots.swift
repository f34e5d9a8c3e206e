import Crypto
import Gossip
import Ledger
import Link

/// Attacks on commit before reveal: reading early, answering what was read, and saying afterwards that the answer was
/// seen in time.
extension Cluster {
    /// Asks all members for the pieces of every commitment on the head that was ever on a wire.
    func askEarly(_ site: Site, _ chain: Chain) {
        for slot in coalition.contributions.keys.sorted()
        where slot.base == chain.headDigest && slot.author != site.identity.member {
            for signed in coalition.contributions[slot] ?? [] {
                let count = UInt64(min(4, signed.body.pieceCount))
                spread(ForgedMessage.want(signed.body.contributionDigest.digest, pieces: 0..<count), from: site)
            }
        }
    }

    /// Says of its own contribution, before anybody may ask, that every piece is here.
    func offerEarly(_ contribution: Contribution, _ site: Site) {
        guard site.does(.servesEarly) else { return }
        let sent = measures.messages
        spread(ForgedMessage.have(contribution.contributionDigest, count: contribution.pieceCount), from: site)
        if measures.messages > sent { counts.add(.servesEarly) }
    }

    /// Gives the pieces of its own contributions whenever they are asked for.
    func serveEarly(_ bytes: [UInt8], _ site: Site, _ link: LinkID) {
        guard site.does(.servesEarly), let (name, pieces) = ForgedMessage.wanted(bytes),
            made[ContributionDigest(name)]?.author == site.identity.member
        else { return }
        for piece in pieces.prefix(4) {
            sendPiece(site, link, PieceName(contribution: ContributionDigest(name), index: piece))
        }
    }

    /// A second statement about the round, without the first commitment of the other, for half of the members.
    func closeTwice(_ position: Int, _ site: Site, _ chain: Chain) {
        let own = site.identity.member
        guard let first = coalition.closed[chain.headDigest]?[own]?.first, !first.body.commitments.isEmpty,
            coalition.closed[chain.headDigest]?[own]?.count == 1
        else { return }
        let second = coalition.signed(
            Closed(
                height: first.body.height, parent: first.body.parent,
                commitments: Array(first.body.commitments.dropFirst())), by: position)
        let wanted = (0..<options.nodes).map { _ in byzantineRandom.chance(50) }
        spread(ForgedMessage.closed(second), from: site) { wanted[$0] }
    }

    /// Answers a contribution that was shown, on the same base, and says that the answer was there when the round
    /// closed: the colluders all together, again and again while the base may be listed.
    func nameLate(_ site: Site, _ chain: Chain) {
        guard chain.members.digest == coalition.members.digest else { return }
        for base in chain.bases where base.members.digest == coalition.members.digest {
            if coalition.answers[base.digest] == nil { answer(on: base, isHead: base.digest == chain.headDigest) }
            for (position, message) in coalition.answers[base.digest]?.messages ?? []
            where coalition.members.members[position].id == site.identity.member {
                spread(message, from: site)
            }
        }
    }

    /// What a payload that was shown is answered with.
    enum Answer: Int, CaseIterable {
        case negative
        case copy
        case nearCopy
        /// Made when the version after its base is there.
        case delayedNegative

        func payload(for original: Blob.Payload) -> Blob.Payload {
            switch self {
            case .negative, .delayedNegative: original.negative
            case .copy: original
            case .nearCopy: original.nearCopy
            }
        }
    }

    private func answer(on base: Chain.Base, isHead: Bool) {
        let kind = Answer.allCases[coalition.answers.count % Answer.allCases.count]
        guard isHead != (kind == .delayedNegative), let victim = shownContribution(on: base) else { return }
        var messages: [(position: Int, message: [UInt8])] = []
        var commitments: [Commitment] = []
        var answers: Set<ContributionDigest> = []
        for position in coalition.colluders {
            let author = coalition.members.members[position].id
            guard let body = bodies[member(author)].first else { continue }
            let payload = kind.payload(for: victim.payload)
            let late = Contribution(
                network: genesis.network, author: author, base: base.digest, baseHeight: base.height,
                encoding: genesis.rules.encoding, payloadBytes: UInt64(payload.byteCount),
                pieceBytes: genesis.rules.pieceBytes, pieceRoot: payload.tree.root, norm: 1, steps: 10,
                tokens: 1_000, lossCentinats: 200, dataSets: [], trainer: .zero)
            let digest = late.contributionDigest
            sites[body].disk.blobs[digest] = Blob(payload: payload)
            made[digest] = late
            answers.insert(digest)
            commitments.append(Commitment(late))
            messages.append((position, ForgedMessage.contribution(coalition.signed(late, by: position))))
            messages.append((position, ForgedMessage.have(digest, count: late.pieceCount)))
            let vote = AvailabilityVote(late)
            // All in one: with a quorum of colluders that is a certificate.
            var signatures: [Int: Signature] = [:]
            for other in coalition.colluders { signatures[other] = coalition.signed(vote, by: other).signature }
            let votes = AvailabilityCertificate(
                vote: vote, signatures: QuorumSignatures(signatures, memberCount: coalition.members.count))
            messages.append((position, ForgedMessage.availability(votes)))
        }
        guard !answers.isEmpty else { return }
        let seen = coalition.commitments(on: base.digest).filter { seen in
            !commitments.contains { $0.author == seen.author }
        }
        for position in coalition.colluders {
            let closed = coalition.signed(
                Closed(height: base.height.next, parent: base.digest, commitments: seen + commitments), by: position)
            messages.append((position, ForgedMessage.closed(closed)))
        }
        coalition.answers[base.digest] = Coalition.LateAnswer(
            kind: kind.rawValue, victim: victim.digest, contributions: answers, messages: messages)
        counts.add(.namesLate)
    }

    private func member(_ id: MemberID) -> Int { checkers.people.firstIndex(of: id) ?? 0 }

    /// A contribution of an honest member on the base that some colluder holds in whole.
    private func shownContribution(on base: Chain.Base) -> (digest: ContributionDigest, payload: Blob.Payload)? {
        for site in sites where !site.isHonest {
            for digest in site.disk.blobs.keys.sorted() {
                guard let known = made[digest], known.base == base.digest, checkers.isHonest(known.author),
                    let blob = site.disk.blobs[digest], blob.isComplete
                else { continue }
                return (digest, Blob.Payload(pieces: blob.pieces.compactMap { $0?.bytes }))
            }
        }
        return nil
    }
}

extension Coalition {
    /// What colluders made of a contribution that they had read, on one base.
    struct LateAnswer {
        let kind: Int
        let victim: ContributionDigest
        let contributions: Set<ContributionDigest>
        /// By the position of its sender.
        let messages: [(position: Int, message: [UInt8])]
    }

    /// The first commitment of each author on a base, ascending.
    func commitments(on base: VersionDigest) -> [Commitment] {
        contributions.keys.filter { $0.base == base }.sorted().compactMap { slot in
            contributions[slot]?.first.map { Commitment($0.body) }
        }
    }
}

extension Blob.Payload {
    /// What would take this one out of an average: every byte turned around.
    var negative: Blob.Payload { Blob.Payload(pieces: pieces.map { $0.map { ~$0 } }) }

    /// The same but for one bit.
    var nearCopy: Blob.Payload {
        var changed = pieces
        if let first = changed.first?.first { changed[0][0] = first ^ 1 }
        return Blob.Payload(pieces: changed)
    }
}
