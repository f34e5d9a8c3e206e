import Crypto
import Ledger
import Testing

@testable import Gossip

struct StatementIndexTests {
    private func id(_ number: UInt8) -> MemberID { MemberID(Digest(DigestDomain("test"), [number])) }

    private func vote(_ kind: VoteKind, view: UInt32, _ number: UInt8 = 1, by signer: UInt8 = 1) -> SignedStatement {
        let version = kind == .nullify ? Digest.zero : Digest(DigestDomain("test"), [number])
        return .vote(
            Signed(
                signer: id(signer),
                body: Vote(kind: kind, height: Height(1), view: View(view), version: VersionDigest(version)),
                signature: Signature(bytes: [UInt8](repeating: signer, count: 64))!))
    }

    @Test func theFirstOfASubjectIsKept() {
        var index = StatementIndex()
        let first = vote(.notarize, view: 1, 1)
        index.insert(first)
        index.insert(vote(.notarize, view: 1, 2))
        #expect(index.statement(id(1), of: first.subject) == first)
        #expect(index.statement(id(2), of: first.subject) == nil)
        #expect(index.count == 1)
    }

    @Test func everyMembersOwnWordsComeBack() {
        var index = StatementIndex()
        let said = [
            vote(.notarize, view: 1, 1), vote(.notarize, view: 1, 2, by: 2), vote(.notarize, view: 1, 1, by: 3),
        ]
        for statement in said { index.insert(statement) }
        for statement in said { #expect(index.statement(statement.signer, of: statement.subject) == statement) }
        #expect(index.count == 3)
    }

    /// Nobody fills the place of others, and what is dropped gives its place back.
    @Test func itIsBoundedAMember() {
        var index = StatementIndex()
        for view in 1...UInt32(StatementIndex.statementsMaximum + 50) { index.insert(vote(.nullify, view: view)) }
        #expect(index.count == StatementIndex.statementsMaximum)
        index.insert(vote(.nullify, view: 1, by: 2))
        #expect(index.count == StatementIndex.statementsMaximum + 1)
        index.keep { subject in
            if case .vote(_, _, let view) = subject { view.value <= 10 } else { false }
        }
        #expect(index.count == 11)
        index.insert(vote(.nullify, view: 20_000))
        #expect(index.count == 12)
    }
}

struct EvidenceTableTests {
    private func proof(_ accused: Int, view: UInt32 = 1) -> Evidence {
        let votes = [UInt8(1), 2].map { number in
            Signed(
                signer: MemberID(Digest(DigestDomain("test"), [UInt8(accused % 256), UInt8(accused / 256)])),
                body: Vote(
                    kind: .notarize, height: Height(1), view: View(view),
                    version: VersionDigest(Digest(DigestDomain("test"), [number]))),
                signature: Signature(bytes: [UInt8](repeating: 1, count: 64))!)
        }
        return .votes(votes[0], votes[1])
    }

    /// A coalition that fills every place hides nobody: of each member the first proof finds room.
    @Test func theFirstOfEveryMemberFindsRoom() {
        var table = EvidenceTable()
        func add(_ evidence: Evidence) -> Bool {
            guard table.hasRoom(for: evidence.accused, byteCount: 100) else { return false }
            table.insert(evidence, name: evidence.name, byteCount: 100)
            table.show(evidence.name)
            return true
        }
        let full = EvidenceTable.proofsMaximum / EvidenceTable.proofsOfOneMaximum
        for accused in 0..<full {
            for view in 1...UInt32(EvidenceTable.proofsOfOneMaximum) { #expect(add(proof(accused, view: view))) }
            #expect(!add(proof(accused, view: 1_000)))
        }
        #expect(add(proof(full)))
        #expect(!add(proof(full, view: 2)), "the second of that member does not")
        #expect(table.accused.count == full + 1)
        #expect(table.held.count == EvidenceTable.proofsMaximum + 1)
    }

    @Test func bytesOfOneMemberAreBounded() {
        var table = EvidenceTable()
        let first = proof(1)
        table.insert(first, name: first.name, byteCount: EvidenceTable.bytesOfOneMaximum - 10)
        #expect(table.hasRoom(for: first.accused, byteCount: 10))
        #expect(!table.hasRoom(for: first.accused, byteCount: 11))
        #expect(table.hasRoom(for: proof(2).accused, byteCount: 128 << 10))
    }
}
