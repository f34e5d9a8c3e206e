import Crypto
import Ledger

/// What every member was seen to sign lately: of each subject the first statement, against which a second one shows.
///
/// Holds the subjects of the height that is being agreed on and of the one before, and of the versions that may still
/// be a base. Bounded a member, so that nobody can fill the place of others.
struct StatementIndex {
    /// What was said of one subject. Most members say the same, so each adds no more than its signature.
    fileprivate struct Page {
        /// Each different thing once, under whoever said it first.
        var wordings: [SignedStatement] = []
        var bySigner: [MemberID: (wording: Int, signature: Signature)] = [:]
    }

    private var pages: [SignedStatement.Subject: Page] = [:]
    private var counts: [MemberID: Int] = [:]

    /// More than an honest member makes in thousands of views.
    static let statementsMaximum = 8192

    private(set) var count = 0

    /// What `signer` said of `subject`.
    func statement(_ signer: MemberID, of subject: SignedStatement.Subject) -> SignedStatement? {
        guard let page = pages[subject], let said = page.bySigner[signer] else { return nil }
        return page.wordings[said.wording].signed(by: signer, said.signature)
    }

    /// Keeps the first of a subject.
    mutating func insert(_ statement: SignedStatement) {
        let signer = statement.signer
        guard counts[signer, default: 0] < StatementIndex.statementsMaximum,
            pages[statement.subject, default: Page()].insert(statement)
        else { return }
        counts[signer, default: 0] += 1
        count += 1
    }

    /// Drops what no longer satisfies `condition`.
    mutating func keep(where condition: (SignedStatement.Subject) -> Bool) {
        for (subject, page) in pages where !condition(subject) {
            pages[subject] = nil
            count -= page.bySigner.count
            for signer in page.bySigner.keys { counts[signer, default: 0] -= 1 }
        }
        counts = counts.filter { $0.value > 0 }
    }
}

extension StatementIndex.Page {
    /// False where the signer has said something of the subject before.
    fileprivate mutating func insert(_ statement: SignedStatement) -> Bool {
        guard bySigner[statement.signer] == nil else { return false }
        let known = wordings.firstIndex { $0.says(statement) }
        if known == nil { wordings.append(statement) }
        bySigner[statement.signer] = (known ?? wordings.count - 1, statement.signature)
        return true
    }
}
