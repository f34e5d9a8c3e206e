import Crypto
import Ledger
import TestKit

/// A mesh with real keys, made from fixed seeds, and the means to build every record of its chain.
struct ChainBuilder {
    /// By ascending member id, so that a site's position here is its index in the member set.
    let sites: [SiteKeys]
    let genesis: Genesis

    var network: NetworkID { genesis.network }

    /// The keys of a site, the same for the same number.
    static func site(_ index: Int) -> SiteKeys {
        SiteKeys(name: "site-\(index)") {
            SecretBytes([$0, UInt8(index >> 8), UInt8(index & 255)] + [UInt8](repeating: 7, count: 29))
        }
    }

    init(siteCount: Int = 4, rules: Rules = Rules(), nonce: UInt8 = 9) throws {
        sites = (0..<siteCount).map { ChainBuilder.site($0) }.sorted { $0.member.id < $1.member.id }
        genesis = Genesis(
            nonce: Digest(bytes: [UInt8](repeating: nonce, count: 32))!,
            members: try MemberSet(members: sites.map(\.member)),
            rules: rules,
            tensors: [TensorShape(name: "embedding", shape: [260, 64]), TensorShape(name: "norm", shape: [64])],
            attachments: [Attachment(name: "config.json", bytes: Array("{}".utf8))],
            roots: StateRoots(parameters: Digest(bytes: [UInt8](repeating: 3, count: 32))!))
    }

    var chain: Chain { Chain(genesis: genesis) }

    func contribution(
        by author: Int, on base: Chain.Base, norm: UInt64 = 12_345, network: NetworkID? = nil,
        payloadBytes: UInt64 = 300, pieceBytes: UInt32? = nil, tokens: UInt64 = 81_920, dataSets: [UInt8] = [1, 2]
    ) -> Signed<Contribution> {
        let site = sites[author]
        let body = Contribution(
            network: network ?? self.network, author: site.member.id, base: base.digest, baseHeight: base.height,
            encoding: genesis.rules.encoding, payloadBytes: payloadBytes,
            pieceBytes: pieceBytes ?? genesis.rules.pieceBytes,
            pieceRoot: Digest(bytes: [UInt8](repeating: UInt8(author), count: 32))!, norm: norm, steps: 10,
            tokens: tokens, lossCentinats: 123,
            dataSets: dataSets.map { Digest(bytes: [UInt8](repeating: $0, count: 32))! },
            trainer: Digest(bytes: [UInt8](repeating: 4, count: 32))!)
        return Signed(body, signer: site.member.id, key: site.nodeKey, network: self.network)
    }

    func signatures(over statement: some Statement, by signers: [Int], network: NetworkID? = nil) -> QuorumSignatures {
        var signatures: [Int: Signature] = [:]
        for signer in signers {
            signatures[signer] = statement.signature(by: sites[signer].nodeKey, network: network ?? self.network)
        }
        return QuorumSignatures(signatures, memberCount: sites.count)
    }

    var quorum: [Int] { Array(0..<genesis.members.quorum) }

    func availability(_ contribution: Contribution, by signers: [Int]? = nil) -> AvailabilityCertificate {
        let vote = AvailabilityVote(contribution)
        return AvailabilityCertificate(vote: vote, signatures: signatures(over: vote, by: signers ?? quorum))
    }

    func closed(by site: Int, on base: Chain.Base, naming contributions: [Signed<Contribution>]) -> Signed<Closed> {
        Signed(
            Closed(
                height: base.height.next, parent: base.digest, commitments: contributions.map { Commitment($0.body) }),
            signer: sites[site].member.id, key: sites[site].nodeKey, network: network)
    }

    /// What commits these contributions: a closing a base, by as many as it takes.
    func closings(_ contributions: [Signed<Contribution>], on chain: Chain) -> [Closing] {
        chain.bases.compactMap { base -> Closing? in
            let named = contributions.filter { $0.body.base == base.digest }
            guard !named.isEmpty else { return nil }
            return Closing(
                statements: (0..<base.members.commitmentThreshold).map { closed(by: $0, on: base, naming: named) })
        }.sorted { $0.names.digest < $1.names.digest }
    }

    func ready(
        by site: Int, on chain: Chain, slots: [Slot], actions: [Digest] = [], reviews: [SignedReview] = [],
        replayed: StateRoots? = nil
    ) -> Signed<Ready> {
        Signed(
            Ready(
                height: chain.nextHeight, parent: chain.headDigest, slots: slots, actions: actions, reviews: reviews,
                replayed: replayed),
            signer: sites[site].member.id, key: sites[site].nodeKey, network: network)
    }

    func finalize(_ version: Version, by signers: [Int]? = nil, kind: VoteKind = .finalize) -> VoteCertificate {
        let vote = Vote(kind: kind, height: version.height, view: .first, version: version.versionDigest)
        return VoteCertificate(
            network: network, vote: vote, signatures: signatures(over: vote, by: signers ?? quorum))
    }

    /// The payload of the first version: it lists what sites 0, 1 and 3 contributed.
    func firstDraft() -> Draft {
        draft(on: chain, listing: [0, 1, 3].map { contribution(by: $0, on: chain.bases[0]) })
    }

    /// A payload for the next height that lists these contributions, ready records by a quorum behind it.
    func draft(on chain: Chain, listing contributions: [Signed<Contribution>]) -> Draft {
        let ordered = contributions.sorted { $0.body.slot < $1.body.slot }
        let slots = ordered.map(\.body.slot)
        let ready = quorum.map { self.ready(by: $0, on: chain, slots: slots) }.sorted {
            $0.objectDigest < $1.objectDigest
        }
        let availability = ordered.map { self.availability($0.body) }
        let manifest = chain.manifest(
            listing: slots, availability: Dictionary(uniqueKeysWithValues: zip(slots, availability)),
            contributions: Dictionary(uniqueKeysWithValues: ordered.map { ($0.body.contributionDigest, $0.body) }))!
        return Draft(
            network: network, height: chain.nextHeight, parent: chain.headDigest, manifest: manifest, action: nil,
            rules: chain.rules.digest, members: chain.members.digest, roots: chain.head.roots, ready: ready,
            closings: closings(ordered, on: chain), availability: availability, contributions: ordered)
    }
}

/// A version before it is put together: a test changes one field and sees which fault it is.
struct Draft {
    var network: NetworkID
    var height: Height
    var parent: VersionDigest
    var manifest: [ManifestEntry]
    var action: Digest?
    var rules: Digest
    var members: Digest
    var roots: StateRoots
    var ready: [Signed<Ready>]
    var closings: [Closing]
    var availability: [AvailabilityCertificate]
    var contributions: [Signed<Contribution>]
    var complete: CompleteAction?

    var support: Support {
        Support(
            ready: ready.map(\.objectDigest), closings: closings.map(\.names.digest), action: complete?.objectDigest)
    }

    var version: Version {
        Version(
            network: network, height: height, parent: parent, manifest: manifest, action: action, rules: rules,
            members: members, support: support.digest, roots: roots)
    }

    var embedded: EmbeddedPayload {
        EmbeddedPayload(
            payload: Payload(version: version, support: support),
            ready: ready.sorted { $0.objectDigest < $1.objectDigest },
            closings: closings.sorted { $0.names.digest < $1.names.digest }, availability: availability,
            action: complete)
    }

    func certified(by certificate: VoteCertificate) -> CertifiedVersion {
        CertifiedVersion(embedded: embedded, certificate: certificate, contributions: contributions)
    }
}
