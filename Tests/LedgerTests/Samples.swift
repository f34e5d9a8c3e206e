import Crypto
import Ledger

/// One record of a kind with its name, for tests that go over all of them.
struct Sample {
    let name: String
    let encoded: [UInt8]
    /// Decodes and encodes again; throws what decoding throws.
    let roundTrip: @Sendable ([UInt8]) throws -> [UInt8]

    init<Kind: Record>(_ name: String, _ record: Kind) {
        self.name = name
        encoded = record.encoded
        roundTrip = { try Kind(encoded: $0).encoded }
    }
}

extension Sample {
    /// Every kind of record of the ledger, built from fixed seeds: the same bytes in every run and on every machine.
    static func all() throws -> [Sample] {
        let builder = try ChainBuilder()
        let chain = builder.chain
        let base = chain.bases[0]
        let contributions = [0, 2, 3].map { builder.contribution(by: $0, on: base, payloadBytes: 700_000) }
        let draft = builder.draft(on: chain, listing: contributions)
        let certificate = builder.finalize(draft.version)
        let site = builder.sites[1]
        let card = SignedCard(
            card: Card(member: site.member, addresses: ["mesh.example.org:4610", "[2001:db8::1]:4610"]),
            operatorKey: site.operatorKey, nodeKey: site.nodeKey)
        let consent = GenesisSignature(
            genesis: builder.genesis, signer: site.member.id, operatorKey: site.operatorKey)
        let tombstone = Tombstone(
            id: MemberID(Digest(bytes: [UInt8](repeating: 5, count: 32))!), lastKeyEpoch: 3, lastSequence: 300)
        let origin = ForkOrigin(
            network: NetworkID(Digest(bytes: [UInt8](repeating: 6, count: 32))!), version: base.digest,
            roots: builder.genesis.roots)
        let fork = Genesis(
            nonce: .zero, members: builder.genesis.members, rules: builder.genesis.rules,
            tensors: builder.genesis.tensors,
            attachments: [], roots: builder.genesis.roots, origin: origin)
        return [
            Sample("member", site.member),
            Sample("tombstone", tombstone),
            Sample("member-set", try MemberSet(members: builder.sites.map(\.member), tombstones: [tombstone])),
            Sample("slot", contributions[0].body.slot),
            Sample("encoding-top-k", Encoding.topK(kept: 256, bits: 4)),
            Sample("encoding-dense", Encoding.denseFloat32),
            Sample("encoding-dense-bfloat16", Encoding.denseBFloat16),
            Sample("rules", Rules()),
            Sample("tensor-shape", TensorShape(name: "scalar", shape: [])),
            Sample("attachment", Attachment(name: "tokenizer.json", bytes: [0, 255])),
            Sample("fork-origin", origin),
            Sample("genesis", builder.genesis),
            Sample("genesis-of-a-fork", fork),
            Sample("card", card.card),
            Sample("signed-card", card),
            Sample("genesis-signature", consent),
            Sample("genesis-file", GenesisFile(genesis: builder.genesis, signatures: [consent])),
            Sample("contribution", contributions[1].body),
            Sample("signed-contribution", contributions[1]),
            Sample("stored", AvailabilityVote(contributions[1].body)),
            Sample("commitment", draft.closings[0].statements[0].body.commitments[0]),
            Sample("closed", draft.closings[0].statements[0].body),
            Sample("signed-closed", draft.closings[0].statements[0]),
            Sample("closing-names", draft.closings[0].names),
            Sample("closing", draft.closings[0]),
            Sample("ready", draft.ready[0].body),
            Sample("signed-ready", draft.ready[0]),
            Sample(
                "proposal",
                Proposal(height: Height(1), view: View(3), version: draft.version.versionDigest, reproposed: View(2))),
            Sample("support", draft.support),
            Sample("state-roots", draft.roots),
            Sample("manifest-entry", draft.manifest[0]),
            Sample("version", draft.version),
            Sample("payload", draft.embedded.payload),
            Sample("embedded-payload", draft.embedded),
            Sample("vote", certificate.vote),
            Sample("vote-nullify", Vote.nullify(height: Height(70_000), view: View(300))),
            Sample("quorum-signatures", certificate.signatures),
            Sample("vote-certificate", certificate),
            Sample("availability-certificate", draft.availability[0]),
        ] + governance(builder, draft, contributions) + [
            Sample("link-transcript", LinkTranscript(handshakeHash: [UInt8](repeating: 8, count: 64))),
            Sample(
                "link-greeting",
                LinkGreeting(
                    member: site.member.id, nodeKey: site.nodeKey, handshakeHash: [UInt8](repeating: 8, count: 64),
                    network: builder.network)),
            Sample("certified-version", draft.certified(by: certificate)),
            Sample(
                "address", AddressRecord(member: site.member.id, addresses: ["10.0.0.1:4610"], sequence: 65_536)),
        ]
    }

    private static func governance(_ builder: ChainBuilder, _ draft: Draft, _ contributions: [Signed<Contribution>])
        -> [Sample]
    {
        let site = builder.sites[1]
        let member = site.member
        let rotated = Member(
            id: member.id, name: member.name, operatorKey: member.operatorKey,
            nodeKey: ChainBuilder.site(9).member.nodeKey,
            linkKey: member.linkKey, keyEpoch: 1)
        let action = GovernanceAction(
            change: .rotate(rotated), sequence: 1, first: Height(7), last: Height(300),
            comment: Comment("der alte Schl\u{fc}ssel lag offen") ?? .none)
        let rejection = ProposalVerdictStatement(
            verdict: .reject, action: action.digest, comment: Comment("not before the audit") ?? .none)
        let verdict = SignedProposalVerdict(
            statement: rejection,
            signature: OperatorSignature(
                signer: builder.sites[0].member.id, keyEpoch: 0,
                signature: rejection.signature(by: builder.sites[0].operatorKey, network: builder.network)))
        let operators = builder.sites[..<2].map {
            OperatorSignature(
                signer: $0.member.id, keyEpoch: 0,
                signature: action.signature(by: $0.operatorKey, network: builder.network))
        }
        let votes = [UInt8(1), 2].map { byte in
            Signed(
                Vote(
                    kind: .notarize, height: Height(1), view: .first,
                    version: VersionDigest(Digest(bytes: [UInt8](repeating: byte, count: 32))!)),
                signer: member.id, key: site.nodeKey, network: builder.network)
        }
        let statement = ReviewStatement(
            verdict: .approve, slot: contributions[0].body.slot, contribution: contributions[0].body.contributionDigest)
        let review = SignedReview(
            statement: statement,
            signature: OperatorSignature(
                signer: member.id, keyEpoch: 0,
                signature: statement.signature(by: site.operatorKey, network: builder.network)))
        let complete = CompleteAction(
            signed: SignedGovernanceAction(action: action, operators: operators),
            readiness: builder.signatures(
                over: Readiness(action: action.digest, members: builder.genesis.members.digest), by: builder.quorum))
        return [
            Sample("exclusion-of-a-contribution", Exclusion.contribution(contributions[0].body.contributionDigest)),
            Sample("exclusion-of-a-data-set", Exclusion.dataSet(contributions[0].body.dataSets[0], bindsFuture: true)),
            Sample("change-admit", Change.admit(ChainBuilder.site(9).member)),
            Sample("change-remove", Change.remove(member.id)),
            Sample("change-rules", Change.rules(Rules())),
            Sample(
                "change-revert", Change.revert(.contribution(contributions[0].body.contributionDigest), from: Height(3))
            ),
            Sample(
                "change-switch",
                Change.switchToReplay(exclusions: .zero, parent: draft.version.versionDigest, roots: draft.roots)),
            Sample("action", action),
            Sample("operator-signature", operators[0]),
            Sample("signed-action", SignedGovernanceAction(action: action, operators: operators)),
            Sample(
                "signed-action-with-possession",
                SignedGovernanceAction(
                    action: action, operators: operators,
                    possession: action.signature(by: ChainBuilder.site(9).nodeKey, network: builder.network))),
            Sample("readiness", Readiness(action: action.digest, members: builder.genesis.members.digest)),
            Sample(
                "review",
                ReviewStatement(
                    verdict: .veto, slot: contributions[0].body.slot,
                    contribution: contributions[0].body.contributionDigest)),
            Sample("signed-review", review),
            Sample("proposal-verdict", rejection),
            Sample(
                "proposal-withdrawal", ProposalVerdictStatement(verdict: .withdraw, action: action.digest)),
            Sample("signed-proposal-verdict", verdict),
            Sample("judged-proposal", JudgedProposal(action: action, verdict: verdict)),
            Sample(
                "ready-with-governance",
                builder.ready(
                    by: 1, on: builder.chain, slots: [contributions[0].body.slot], actions: [action.digest],
                    reviews: [review], replayed: draft.roots)),
            Sample("complete-action", complete),
            Sample(
                "support-with-action", Support(ready: draft.ready.map(\.objectDigest), action: complete.objectDigest)),
            Sample(
                "evidence-contributions",
                Evidence.contributions(
                    contributions[0],
                    builder.contribution(by: 0, on: builder.chain.bases[0], norm: 1, payloadBytes: 700_000))),
            Sample(
                "evidence-stored",
                Evidence.availabilityVote(
                    Signed(
                        AvailabilityVote(contributions[0].body), signer: member.id, key: site.nodeKey,
                        network: builder.network),
                    Signed(
                        AvailabilityVote(contributions[1].body), signer: member.id, key: site.nodeKey,
                        network: builder.network))),
            Sample(
                "evidence-closed",
                Evidence.closed(
                    draft.closings[0].statements[0],
                    builder.closed(by: 0, on: builder.chain.bases[0], naming: Array(contributions.prefix(1))))),
            Sample("evidence-ready", Evidence.ready(draft.ready[0], draft.ready[1])),
            Sample(
                "evidence-proposals",
                Evidence.proposals(
                    Signed(
                        Proposal(
                            height: Height(1), view: View(1), version: draft.version.versionDigest, reproposed: .none),
                        signer: member.id, key: site.nodeKey, network: builder.network),
                    Signed(
                        Proposal(height: Height(1), view: View(1), version: draft.version.parent, reproposed: .none),
                        signer: member.id, key: site.nodeKey, network: builder.network))),
            Sample("evidence-votes", Evidence.votes(votes[0], votes[1])),
        ]
    }
}
