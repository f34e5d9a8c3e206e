import Ledger

/// What every member was seen to sign lately: of each subject the first statement, against which a second one shows.
///
/// Holds the subjects of the height that is being agreed on and of the one before, and of the versions that may still be
/// a base. Bounded a member, so that nobody can fill the place of others.
struct StatementBook {
    private struct Entry: Hashable {
        let signer: MemberID
        let subject: SignedStatement.Subject
    }

    private var statements: [Entry: SignedStatement] = [:]
    private var counts: [MemberID: Int] = [:]

    /// More than an honest member makes in thousands of views.
    static let statementsMaximum = 8192

    var count: Int { statements.count }

    /// What `signer` said of `subject`.
    func statement(_ signer: MemberID, of subject: SignedStatement.Subject) -> SignedStatement? {
        statements[Entry(signer: signer, subject: subject)]
    }

    /// Keeps the first of a subject.
    mutating func insert(_ statement: SignedStatement) {
        let entry = Entry(signer: statement.signer, subject: statement.subject)
        guard statements[entry] == nil, counts[entry.signer, default: 0] < StatementBook.statementsMaximum else {
            return
        }
        statements[entry] = statement
        counts[entry.signer, default: 0] += 1
    }

    /// Drops what no longer satisfies `condition`.
    mutating func keep(where condition: (SignedStatement.Subject) -> Bool) {
        statements = statements.filter { condition($0.key.subject) }
        counts = [:]
        for entry in statements.keys { counts[entry.signer, default: 0] += 1 }
    }
}
