import Crypto
import Testing

@testable import Ledger

/// What a record's decoder refuses although it is proper CBOR.
@Suite struct RecordRefusalTests {
    /// The record's map with one field replaced, or removed for nil.
    private func replacing(_ key: String, with value: CBOR?, in record: some Record) throws -> [UInt8] {
        guard case .map(let entries) = record.cbor else { throw RecordError.wrongType(key: "") }
        var result: [CBOR.Entry] = entries.filter { $0.key != key }
        if let value { result.append(CBOR.Entry(key: key, value: value)) }
        return CBOR.map(result.sorted { CBOR.precedes($0.key, $1.key) }).encoded
    }

    private func refusal<Kind: Record>(_ record: Kind, _ key: String, _ value: CBOR?) throws -> RecordError? {
        let bytes = try replacing(key, with: value, in: record)
        do throws(RecordError) {
            _ = try Kind(encoded: bytes)
            return nil
        } catch { return error }
    }

    @Test func everyFieldIsNeededAndNoOtherAllowed() throws {
        for sample in try Sample.all() {
            guard case .map(let entries) = try CBOR(encoded: sample.encoded) else { continue }
            for missing in entries {
                let rest = CBOR.map(entries.filter { $0.key != missing.key }).encoded
                #expect(throws: RecordError.missingKey(missing.key), "\(sample.name)") { try sample.roundTrip(rest) }
            }
            let more = (entries + [CBOR.Entry(key: "zzz", value: .null)]).sorted { CBOR.precedes($0.key, $1.key) }
            #expect(throws: RecordError.unknownKey("zzz"), "\(sample.name)") {
                try sample.roundTrip(CBOR.map(more).encoded)
            }
            #expect(throws: RecordError.trailingBytes(count: 1), "\(sample.name)") {
                try sample.roundTrip(sample.encoded + [0])
            }
            #expect(throws: RecordError.wrongType(key: ""), "\(sample.name)") { try sample.roundTrip([0x80]) }
        }
    }

    @Test func theLossOfAContributionIsOptionalAndHasNoPlaceForMoreDigits() throws {
        let builder = try ChainBuilder()
        let contribution = builder.contribution(by: 0, on: try #require(builder.chain.bases.last)).body
        let key = "loss_centinats"
        #expect(try refusal(contribution, key, .null) == nil)
        #expect(try refusal(contribution, key, .unsigned(Limits.lossCentinats)) == nil)
        #expect(try refusal(contribution, key, .unsigned(Limits.lossCentinats + 1)) == .outOfRange(key: key))
        #expect(try refusal(contribution, key, .text("2.345678")) == .wrongType(key: key))
    }

    @Test func valuesOutOfRangeAreNamed() throws {
        let builder = try ChainBuilder()
        let member = builder.sites[0].member
        #expect(try refusal(member, "name", .text("Berlin")) == .outOfRange(key: "name"))
        #expect(try refusal(member, "name", .text("")) == .outOfRange(key: "name"))
        #expect(
            try refusal(member, "name", .text(String(repeating: "a", count: 33)))
                == .tooLong(key: "name", count: 33, limit: 32))
        #expect(
            try refusal(member, "node_key", .bytes([UInt8](repeating: 0, count: 32))) == .outOfRange(key: "node_key"))
        #expect(
            try refusal(member, "operator_key", .bytes([1] + [UInt8](repeating: 0, count: 31)))
                == .outOfRange(key: "operator_key"))
        #expect(try refusal(member, "key_epoch", .unsigned(1 << 32)) == .outOfRange(key: "key_epoch"))
        #expect(try refusal(member, "id", .bytes([1, 2])) == .wrongType(key: "id"))
        #expect(
            try refusal(Rules(), "averaging", .text("median")) == .unknownVariant(key: "averaging", value: "median"))
        #expect(try refusal(Rules(), "piece_bytes", .unsigned(1 << 30)) == .outOfRange(key: "piece_bytes"))
        #expect(
            try refusal(Rules(), "operator_threshold_numerator", .unsigned(3))
                == .outOfRange(key: "operator_threshold_numerator"))
        #expect(try refusal(Encoding.topK(kept: 64, bits: 2), "bits", .unsigned(3)) == .outOfRange(key: "bits"))
        #expect(try refusal(Encoding.topK(kept: 64, bits: 2), "kept", .unsigned(0)) == .outOfRange(key: "kept"))
        #expect(try refusal(Encoding.denseBFloat16, "bits", .unsigned(8)) == .outOfRange(key: "bits"))
        #expect(try refusal(Encoding.denseFloat32, "kept", .unsigned(64)) == .outOfRange(key: "bits"))
        #expect(
            try refusal(TensorShape(name: "a", shape: [2]), "shape", .array([.unsigned(0)]))
                == .outOfRange(key: "shape"))
        #expect(
            try refusal(TensorShape(name: "a", shape: [2]), "shape", .array([CBOR](repeating: .unsigned(1), count: 9)))
                == .tooLong(key: "shape", count: 9, limit: 8))
        let vote = Vote(kind: .finalize, height: Height(1), view: .first, version: builder.chain.headDigest)
        #expect(try refusal(vote, "view", .unsigned(0)) == .outOfRange(key: "view"))
        #expect(try refusal(vote, "kind", .text("nullify")) == .outOfRange(key: "version"))
        #expect(try refusal(vote, "height", .unsigned(Limits.heightMaximum + 1)) == .outOfRange(key: "height"))
        let proposal = Proposal(height: Height(1), view: View(2), version: vote.version, reproposed: View(1))
        #expect(try refusal(proposal, "reproposed", .unsigned(2)) == .outOfRange(key: "reproposed"))
    }

    @Test(arguments: ["../x", "/etc/passwd", ".hidden", "a/b", "", "a b", "\u{e4}.json"])
    func attachmentsAreNeverPaths(name: String) throws {
        #expect(
            try refusal(Attachment(name: "config.json", bytes: []), "name", .text(name)) == .outOfRange(key: "name"))
    }

    @Test func listsThatAreSetsMustAscend() throws {
        let builder = try ChainBuilder()
        let contribution = builder.contribution(by: 0, on: builder.chain.bases[0]).body
        let digests = contribution.dataSets
        #expect(
            try refusal(contribution, "data_sets", .digests([digests[1], digests[0]]))
                == .notAscending(key: "data_sets"))
        #expect(
            try refusal(contribution, "data_sets", .digests([digests[0], digests[0]]))
                == .notAscending(key: "data_sets"))
        let members = builder.genesis.members
        #expect(
            try refusal(members, "members", .records(members.members.reversed())) == .notAscending(key: "members"))
        #expect(try refusal(members, "members", .array([])) == .outOfRange(key: "members"))
        let slots = [0, 1].map { builder.contribution(by: $0, on: builder.chain.bases[0]).body.slot }.sorted()
        let ready = Ready(height: Height(1), parent: builder.chain.headDigest, slots: slots)
        #expect(try refusal(ready, "slots", .records(slots.reversed())) == .notAscending(key: "slots"))
        let reviews = slots.map { slot in
            SignedReview(
                statement: ReviewStatement(verdict: .veto, slot: slot, contribution: ContributionDigest(.zero)),
                signature: OperatorSignature(
                    signer: slot.author, keyEpoch: 0, signature: Signature(bytes: [UInt8](repeating: 0, count: 64))!))
        }
        #expect(try refusal(ready, "reviews", .records(reviews.reversed())) == .notAscending(key: "reviews"))
        #expect(
            try refusal(ready, "reviews", .records([reviews[0], reviews[0]])) == .notAscending(key: "reviews"))
        let version = builder.draft(
            on: builder.chain, listing: [0, 1].map { builder.contribution(by: $0, on: builder.chain.bases[0]) }
        ).version
        #expect(
            try refusal(version, "manifest", .records(version.manifest.reversed())) == .notAscending(key: "manifest"))
        #expect(
            try refusal(version, "manifest", .records([version.manifest[0], version.manifest[0]]))
                == .notAscending(key: "manifest"))
    }

    @Test func signaturesAndBitmapMustAgree() throws {
        let builder = try ChainBuilder()
        let signatures = builder.finalize(builder.chain.head).signatures
        #expect(try refusal(signatures, "bitmap", .bytes([0b1111])) == .outOfRange(key: "bitmap"))
        #expect(try refusal(signatures, "signatures", .bytes([1, 2, 3])) == .outOfRange(key: "signatures"))
    }

    @Test func payloadMustCarryTheSupportThatItsVersionNames() throws {
        let builder = try ChainBuilder()
        let payload = builder.draft(on: builder.chain, listing: []).embedded.payload
        #expect(try refusal(payload, "support", Support(ready: []).cbor) == .outOfRange(key: "support"))
    }

    @Test func cardNamesTheMemberOfItsOwnOperatorKey() throws {
        let builder = try ChainBuilder()
        let member = builder.sites[0].member
        let card = Card(member: member, addresses: [])
        #expect(try refusal(card, "member", builder.sites[1].member.cbor) == nil)
        let stolen = Member(
            id: builder.sites[1].member.id, name: member.name, operatorKey: member.operatorKey, nodeKey: member.nodeKey,
            linkKey: member.linkKey, keyEpoch: 0)
        #expect(try refusal(card, "member", stolen.cbor) == .outOfRange(key: "member"))
        #expect(try refusal(card, "addresses", .array([.text("a b")])) == .outOfRange(key: "addresses"))
    }

    @Test func genesisNamesEachTensorAndAttachmentOnce() throws {
        let genesis = try ChainBuilder().genesis
        #expect(
            try refusal(genesis, "tensors", .records(genesis.tensors + genesis.tensors)) == .outOfRange(key: "tensors"))
        #expect(
            try refusal(genesis, "attachments", .records(genesis.attachments + genesis.attachments))
                == .outOfRange(key: "attachments"))
    }
}
