import Crypto
import Gossip
import Ledger

/// What a Byzantine member's shell does differently. The place for the rest of them.
extension World {
    /// What leaves in place of a message of the member's node.
    func altered(_ bytes: [UInt8], from site: Site, to peer: Site) -> [[UInt8]] {
        switch site.behaviour {
        case .silent: return []
        case .selectiveVoter:
            let isVote = RecordScan(bytes: bytes).statements.contains { statement in
                guard statement.claim.signer == site.identity.member else { return false }
                switch statement.claim.place {
                case .notarize, .finalize, .nullify: return true
                default: return false
                }
            }
            let favoured = (site.member + 1) % options.nodes
            return isVote && peer.member != favoured ? [] : [bytes]
        case .withholdsProposals: return RecordScan(bytes: bytes).proposals.isEmpty ? [bytes] : []
        case .withholdsPayloads: return isBarePayload(bytes) ? [] : [bytes]
        case .boasts: return [boast(bytes)]
        case .garbles:
            guard byzantineRandom.chance(10), !bytes.isEmpty else { return [bytes] }
            counts.add("messages-mutated")
            var changed = bytes
            changed[byzantineRandom.draw(below: changed.count)] ^= 1 << UInt8(byzantineRandom.draw(below: 8))
            return byzantineRandom.chance(20)
                ? [Array(changed.prefix(byzantineRandom.draw(below: changed.count)))] : [changed]
        case .replays:
            site.remember(bytes)
            return byzantineRandom.chance(30) ? [bytes, site.recall(&byzantineRandom)] : [bytes]
        case nil, .twins, .withholdsPieces, .corruptsPieces, .wrongRoots, .copies: return [bytes]
        }
    }

    /// A message whose body is a payload alone, recognized by its shape.
    private func isBarePayload(_ bytes: [UInt8]) -> Bool {
        guard case .array(let parts) = try? CBOR(encoded: bytes), let body = parts.last else { return false }
        return (try? Ledger.Payload(cbor: body)) != nil
    }

    /// A summary begins with its sender's height; this one says more.
    private func boast(_ bytes: [UInt8]) -> [UInt8] {
        guard case .array(let parts) = try? CBOR(encoded: bytes), parts.count == 2, case .array(var items) = parts[1],
            items.count == 6, case .unsigned(let height) = items[0]
        else { return bytes }
        counts.add("messages-mutated")
        items[0] = .unsigned(height + byzantineRandom.draw(1...1_000_000))
        return CBOR.array([parts[0], .array(items)]).encoded
    }

    /// What leaves in place of a piece; nil for nothing.
    func altered(_ piece: ProvenPiece, from site: Site) -> ProvenPiece? {
        switch site.behaviour {
        case .silent, .withholdsPieces: return nil
        case .corruptsPieces:
            guard byzantineRandom.chance(50) else { return piece }
            counts.add("pieces-corrupted")
            var bytes = piece.bytes
            bytes[byzantineRandom.draw(below: bytes.count)] ^= 1
            return ProvenPiece(bytes: bytes, proof: piece.proof)
        default: return piece
        }
    }

    /// What the member's machine says that an averaging gave.
    func altered(_ roots: StateRoots, from site: Site) -> StateRoots {
        guard site.behaviour == .wrongRoots else { return roots }
        return StateRoots(
            parameters: Digest(DigestDomain("mesh/sim-wrong"), roots.parameters.bytes), outer: roots.outer)
    }

    /// The payload of somebody else that a copier hands over as its own.
    func copiedPayload(_ site: Site) -> Blob.Payload? {
        guard site.behaviour == .copies else { return nil }
        let complete = site.disk.blobs.keys.sorted().compactMap { digest in
            site.disk.blobs[digest].flatMap { $0.isComplete ? $0 : nil }
        }
        guard !complete.isEmpty else { return nil }
        return Blob.Payload(pieces: byzantineRandom.pick(complete).pieces.compactMap { $0?.bytes })
    }
}
