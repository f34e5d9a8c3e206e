import Crypto
import Gossip
import Ledger

/// Certificates that are none, and bytes that are no message.
extension Cluster {
    /// A certificate of the current height that lacks what makes it one.
    func forgeCertificates(_ position: Int, _ site: Site, _ chain: Chain) {
        let height = chain.nextHeight
        let proposals = (coalition.proposals[height.value] ?? [:]).sorted { $0.key < $1.key }
        let view = View(proposals.last?.key ?? 1)
        let version =
            proposals.last?.value.first?.body.version
            ?? VersionDigest(Digest(DigestDomain("mesh/sim-wrong"), chain.headDigest.digest.bytes))
        let vote: Vote =
            switch byzantineRandom.draw(below: 3) {
            case 0: .nullify(height: height, view: view)
            case 1: Vote(kind: .notarize, height: height, view: view, version: version)
            default: Vote(kind: .finalize, height: height, view: view, version: version)
            }
        forge(vote, position, site)
        forgeAvailability(site, chain)
    }

    private func forge(_ vote: Vote, _ position: Int, _ site: Site) {
        let count = coalition.members.count
        let own = coalition.signed(vote, by: position).signature.bytes
        var bitmap = [UInt8](repeating: 0, count: (count + 7) / 8)
        for index in 0..<coalition.members.quorum { bitmap[index / 8] |= 1 << UInt8(index % 8) }
        var signatures: [UInt8] = []
        switch byzantineRandom.draw(below: 5) {
        case 0:  // one signature, over and over
            for _ in 0..<coalition.members.quorum { signatures += own }
        case 1:  // fewer than the bitmap says
            signatures = own
        case 2:  // signatures of something else
            let other = Vote.nullify(height: vote.height, view: View(vote.view.value + 1))
            for _ in 0..<coalition.members.quorum {
                signatures += coalition.signed(other, by: position).signature.bytes
            }
        case 3:  // a set that is larger than it is
            bitmap.append(0xff)
            for _ in 0..<coalition.members.quorum + 8 { signatures += own }
        default:  // bytes
            for _ in 0..<coalition.members.quorum { signatures += wrongSignature().bytes }
        }
        spread(
            ForgedMessage.votes(vote, network: genesis.network, bitmap: bitmap, signatures: signatures), from: site)
    }

    private func forgeAvailability(_ site: Site, _ chain: Chain) {
        let slots = coalition.contributions.keys.sorted().filter { $0.base == chain.headDigest }
        guard !slots.isEmpty, let contribution = coalition.contributions[byzantineRandom.pick(slots)]?.last else {
            return
        }
        let vote = AvailabilityVote(contribution.body)
        var signatures: [Int: Signature] = [:]
        for index in 0..<coalition.members.quorum {
            let isOwn = coalition.colluders.contains(index)
            signatures[index] = isOwn ? coalition.signed(vote, by: index).signature : wrongSignature()
        }
        let forged = AvailabilityCertificate(
            vote: vote, signatures: QuorumSignatures(signatures, memberCount: coalition.members.count))
        spread(ForgedMessage.availability(forged), from: site)
    }

    /// Evidence true and false, as much as a attack may send.
    func floodEvidence(_ position: Int, _ site: Site, _ chain: Chain) {
        for view in UInt32(1)...8 {
            let place = (height: chain.nextHeight, view: View(view))
            let version = VersionDigest(Digest(DigestDomain("mesh/sim-wrong"), [UInt8(byzantineRandom.draw(0...255))]))
            let finalize = Vote(kind: .finalize, height: place.height, view: place.view, version: version)
            let nullify = Vote.nullify(height: place.height, view: place.view)
            spread(
                ForgedMessage.proof(
                    .votes(
                        coalition.signed(finalize, by: position), coalition.signed(nullify, by: position))),
                from: site)
        }
        switch byzantineRandom.draw(below: 4) {
        case 0:  // against somebody else, whose signatures these are not
            let accused = byzantineRandom.pick(coalition.members.members).id
            let votes = [View(1), View(2)].map { view in
                Signed(
                    signer: accused, body: Vote.nullify(height: chain.nextHeight, view: view),
                    signature: wrongSignature())
            }
            spread(ForgedMessage.proof(.votes(votes[0], votes[1])), from: site)
        case 1:  // the same statement twice
            let vote = coalition.signed(Vote.nullify(height: chain.nextHeight, view: .first), by: position)
            spread(ForgedMessage.proof(.votes(vote, vote)), from: site)
        case 2:
            let ready = Ready(height: chain.nextHeight, parent: chain.headDigest, slots: [])
            spread(ForgedMessage.half(coalition.signed(ready, by: position)), from: site)
        default: break
        }
        let names = (0..<64).map {
            Digest(DigestDomain("mesh/sim-wrong"), [UInt8($0), UInt8(byzantineRandom.draw(0...255))])
        }
        for isWish in [true, false] { spread(ForgedMessage.proofs(names, isWish: isWish), from: site) }
    }

    /// Lengths that lie, nesting without end, and almost a message.
    func malform(_ site: Site) {
        let bytes: [UInt8]
        switch byzantineRandom.draw(below: 7) {
        case 0: bytes = []
        case 1: bytes = [0x82, 0x01, 0x9b] + [UInt8](repeating: 0xff, count: 8)
        case 2: bytes = [0x82, 0x03, 0x83, 0x5b] + [UInt8](repeating: 0x7f, count: 8)
        case 3: bytes = [UInt8](repeating: 0x81, count: 20_000)
        case 4: bytes = [UInt8](repeating: 0, count: Wire.messageBytesMaximum + 1)
        case 5: bytes = [0x82, 0x0b, 0x99, 0xff, 0xff] + [UInt8](repeating: 0x80, count: 60_000)
        default:
            let whole = ForgedMessage.votes(
                .nullify(height: Height(1), view: .first), network: genesis.network, bitmap: [1],
                signatures: wrongSignature().bytes)
            bytes = Array(whole.prefix(byzantineRandom.draw(below: whole.count)))
        }
        spread(bytes, from: site)
    }
}
