import Ledger
import Link

/// What each member's requests for single objects cost in the present window of time: a request is small, its answer may be
/// large, and to look for something costs work even if it is not found. Counted per member and not per link, so a new link
/// does not begin again.
struct AnswerBudgets {
    private struct Spent {
        var began: Instant
        var bytes: Int
    }

    private var spent: [MemberID: Spent] = [:]

    static let bytesMaximum = 4 << 20
    /// What an item costs beside its answer: so a window has room for as many items as a requester asks for in one.
    static let bytesPerItem = bytesMaximum / FetchLog.capacity
    /// What a request for a version costs, which the shell reads and sends.
    static let bytesPerVersion = 64 << 10

    func hasRoom(_ member: MemberID, now: Instant, windowMilliseconds: UInt64) -> Bool {
        guard let entry = spent[member], now.since(entry.began) < windowMilliseconds else { return true }
        return entry.bytes < AnswerBudgets.bytesMaximum
    }

    mutating func charge(_ bytes: Int, to member: MemberID, now: Instant, windowMilliseconds: UInt64) {
        if let entry = spent[member], now.since(entry.began) < windowMilliseconds {
            spent[member] = Spent(began: entry.began, bytes: entry.bytes + bytes)
        } else {
            spent = spent.filter { now.since($0.value.began) < windowMilliseconds }
            spent[member] = Spent(began: now, bytes: bytes)
        }
    }
}
