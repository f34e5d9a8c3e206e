import Crypto
import Testing

@testable import Ledger

/// Only what enough members saw before the round was closed may be listed.
@Suite struct CommitmentTests {
    private let builder: ChainBuilder
    private let chain: Chain
    private let draft: Draft

    init() throws {
        builder = try ChainBuilder()
        chain = builder.chain
        draft = builder.firstDraft()
    }

    private func fault(_ draft: Draft, on chain: Chain? = nil) -> PayloadFault? {
        let embedded = draft.embedded
        do {
            try (chain ?? self.chain).validate(embedded, verifier: Verifier())
            return nil
        } catch { return error }
    }

    private var statements: [Signed<Closed>] { draft.closings[0].statements }

    private func draft(closing statements: [Signed<Closed>]) -> Draft {
        var other = draft
        other.closings = [Closing(statements: statements)]
        return other
    }

    /// The figures of the protocol, and the inequalities on which it rests, for every size of a mesh.
    @Test func theThresholdKeepsWhatItPromises() throws {
        let member = try ChainBuilder(siteCount: 1).sites[0].member
        for (count, threshold) in [(1, 1), (4, 3), (5, 4), (7, 5), (10, 7), (64, 43)] {
            #expect((count + (count - 1) / 3) / 2 + 1 == threshold)
        }
        for count in 1...1000 {
            let faultBound = (count - 1) / 3
            let quorum = 2 * count / 3 + 1
            let threshold = (count + faultBound) / 2 + 1
            #expect(2 * threshold > count + faultBound, "no slot commits to two")
            #expect(threshold <= count - faultBound, "honest members suffice")
            #expect(count - quorum + faultBound < threshold, "a slot that was not named in time cannot be committed")
        }
        #expect(try MemberSet(members: [member]).commitmentThreshold == 1)
        #expect(builder.genesis.members.commitmentThreshold == 3)
    }

    @Test func aSlotThatTooFewNamedIsRefused() {
        #expect(fault(draft) == nil)
        let slot = draft.manifest[0].slot
        #expect(fault(draft(closing: Array(statements.dropLast()))) == .uncommitted(slot))
        var without = draft
        without.closings = []
        #expect(fault(without) == .uncommitted(slot))
        // One of them does not name the last slot, which the others do.
        let base = chain.bases[0]
        let fewer = builder.closed(by: 0, on: base, naming: Array(draft.contributions.dropLast()))
        #expect(fault(draft(closing: [fewer] + statements.dropFirst())) == .uncommitted(draft.manifest[2].slot))
        #expect(
            fault(
                draft(
                    closing: [fewer] + statements.dropFirst()
                        + [builder.closed(by: 3, on: base, naming: draft.contributions)])) == nil)
    }

    @Test func namingAnotherContributionOfTheAuthorDoesNotCommitThisOne() {
        let base = chain.bases[0]
        let other = [0, 1, 3].map { builder.contribution(by: $0, on: base, norm: $0 == 1 ? 1 : 12_345) }
        let changed = builder.closed(by: 1, on: base, naming: other)
        let author = draft.contributions.first { $0.body == other[0].body }
        #expect(author != nil)
        let listed = draft.contributions.map(\.body.slot)
        let slot = Slot(author: builder.sites[1].member.id, base: base.digest)
        #expect(listed.contains(slot))
        #expect(
            fault(draft(closing: [changed] + statements.filter { $0.signer != changed.signer })) == .uncommitted(slot))
    }

    @Test func aStatementOfSomethingElseIsForeign() throws {
        let base = chain.bases[0]
        let genuine = statements[0].body
        func signed(_ body: Closed, by site: Int = 3, key: Int = 3) -> Signed<Closed> {
            Signed(
                body, signer: builder.sites[site].member.id, key: builder.sites[key].nodeKey, network: builder.network)
        }
        let stranger = try ChainBuilder(siteCount: 5).sites.first { site in
            !builder.sites.contains { $0.member.id == site.member.id }
        }
        let unknown = try #require(stranger)
        let foreign = [
            signed(Closed(height: Height(2), parent: genuine.parent, commitments: genuine.commitments)),
            signed(Closed(height: Height(1), parent: VersionDigest(.zero), commitments: genuine.commitments)),
            signed(genuine, key: 2),
            // It names nothing that is listed.
            signed(Closed(height: Height(1), parent: genuine.parent, commitments: [])),
            builder.closed(by: 3, on: base, naming: [builder.contribution(by: 2, on: base)]),
            // It names an author that is no member.
            signed(
                Closed(
                    height: Height(1), parent: genuine.parent,
                    commitments: genuine.commitments + [
                        Commitment(author: unknown.member.id, contribution: ContributionDigest(.zero))
                    ])),
            Signed(genuine, signer: unknown.member.id, key: unknown.nodeKey, network: builder.network),
        ]
        for statement in foreign {
            #expect(fault(draft(closing: statements + [statement])) == .foreignClosed(statement.objectDigest))
        }
    }

    @Test func aSignerCountsOnceAndARoundOnce() {
        let twice = builder.closed(by: 0, on: chain.bases[0], naming: Array(draft.contributions.dropLast()))
        #expect(fault(draft(closing: statements + [twice])) == .repeatedClosedSigner(twice.signer))
        var other = draft
        other.closings.append(
            Closing(statements: [builder.closed(by: 3, on: chain.bases[0], naming: draft.contributions)]))
        #expect(fault(other) == .repeatedClosing)
        other.closings = [Closing(statements: [])]
        #expect(fault(other) == .repeatedClosing)
    }

    /// A member that signs two statements may be needed twice: each of them commits what the other does not name.
    @Test func twoStatementsOfASigner_eachNamingSomethingElse_countOncePerContribution() {
        let base = chain.bases[0]
        let all = draft.contributions
        func closed(_ site: Int, _ named: [Signed<Contribution>]) -> Signed<Closed> {
            builder.closed(by: site, on: base, naming: named)
        }
        let (first, rest) = (closed(2, Array(all.dropLast())), closed(2, [all[2]]))
        #expect(fault(draft(closing: [closed(0, all), closed(1, all), first, rest])) == nil)
        #expect(fault(draft(closing: [closed(0, all), closed(1, all), first])) == .uncommitted(all[2].body.slot))
        let overlapping = closed(2, [all[0], all[2]])
        #expect(fault(draft(closing: [closed(0, all), first, overlapping])) == .uncommitted(all[0].body.slot))
        #expect(
            fault(draft(closing: [closed(0, all), closed(1, all), first, rest, closed(2, all)]))
                == .repeatedClosedSigner(first.signer))
    }

    @Test func aVersionThatListsNothingRestsOnNoStatement() {
        var empty = builder.draft(on: chain, listing: [])
        #expect(fault(empty) == nil)
        empty.closings = draft.closings
        #expect(fault(empty) == .repeatedClosing)
    }

    @Test func theSupportNamesExactlyWhatIsEmbedded() {
        let embedded = draft.embedded
        for closings in [[], [Closing(statements: Array(statements.dropLast()))]] {
            let other = EmbeddedPayload(
                payload: embedded.payload, ready: embedded.ready, closings: closings,
                availability: embedded.availability)
            #expect(throws: PayloadFault.wrongSupport) { try chain.validate(other, verifier: Verifier()) }
        }
    }

    /// A slot of an earlier round rests on the statements of that round: those of the later one say nothing of it.
    @Test func aLatePayloadRestsOnTheRoundOfItsBase() throws {
        let stale = builder.contribution(by: 2, on: chain.bases[0])
        let next = try chain.advanced(by: draft.embedded)
        let fresh = builder.contribution(by: 0, on: next.bases[1])
        var late = builder.draft(on: next, listing: [stale, fresh])
        #expect(fault(late, on: next) == nil)
        #expect(late.closings.count == 2)
        let ofBase = late.closings.filter { $0.statements[0].body.parent == fresh.body.base }
        late.closings = ofBase
        #expect(fault(late, on: next) == .uncommitted(stale.body.slot))
        // Late statements about the earlier round under the new height are of no round.
        let wrong = (0..<3).map { site in
            Signed(
                Closed(height: Height(2), parent: stale.body.base, commitments: [Commitment(stale.body)]),
                signer: builder.sites[site].member.id, key: builder.sites[site].nodeKey, network: builder.network)
        }
        late.closings = (ofBase + [Closing(statements: wrong)]).sorted { $0.names.digest < $1.names.digest }
        #expect(fault(late, on: next) == .foreignClosed(Closing(statements: wrong).statements[0].objectDigest))
    }

    @Test func anAuditFindsAMissingStatement() throws {
        let certificate = builder.finalize(draft.version)
        #expect(throws: Never.self) { try chain.audited(draft.certified(by: certificate), verifier: Verifier()) }
        let bare = EmbeddedPayload(
            payload: draft.embedded.payload, ready: draft.embedded.ready, availability: draft.availability)
        let certified = CertifiedVersion(
            embedded: bare, certificate: certificate, contributions: draft.contributions)
        #expect(throws: AuditFault.missingEmbedded(Height(1))) {
            try chain.audited(certified, verifier: Verifier())
        }
    }

    @Test func commitmentsAreOneAnAuthor() throws {
        let base = chain.bases[0]
        let twice = Closed(
            height: Height(1), parent: base.digest,
            commitments: [
                Commitment(builder.contribution(by: 0, on: base).body),
                Commitment(builder.contribution(by: 0, on: base, norm: 1).body),
            ])
        #expect(throws: RecordError.notAscending(key: "commitments")) { try Closed(encoded: twice.encoded) }
        #expect(try Closed(encoded: statements[0].body.encoded) == statements[0].body)
        let repeated = Closing(statements: [statements[0], statements[0]])
        #expect(throws: RecordError.notAscending(key: "statements")) { try Closing(encoded: repeated.encoded) }
    }
}
