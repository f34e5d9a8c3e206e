import Gossip
import Ledger

/// Bytes are refused, or they are the one encoding of what was read.
enum RecordEntry {
    static func run(_ bytes: [UInt8]) {
        check(Genesis.self, bytes)
        check(GenesisFile.self, bytes)
        check(GenesisSignature.self, bytes)
        check(SignedCard.self, bytes)
        check(MemberSet.self, bytes)
        check(Rules.self, bytes)
        check(SignedGovernanceAction.self, bytes)
        check(CompleteAction.self, bytes)
        check(SignedReview.self, bytes)
        check(SignedProposalVerdict.self, bytes)
        check(JudgedProposal.self, bytes)
        check(Readiness.self, bytes)
        check(Evidence.self, bytes)
        check(LinkGreeting.self, bytes)
        for kind in JournalEntry.Kind.allCases {
            guard let entry = try? JournalEntry(kind: kind, encoded: bytes) else { continue }
            precondition(entry.encoded == bytes, "a journal entry has a second encoding")
        }
    }

    private static func check<Item: Record>(_: Item.Type, _ bytes: [UInt8]) {
        guard let record = try? Item(encoded: bytes) else { return }
        precondition(record.encoded == bytes, "\(Item.self) has a second encoding")
    }
}
