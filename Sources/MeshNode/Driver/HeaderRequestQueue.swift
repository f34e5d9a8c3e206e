import Gossip
import Ledger

/// Peers that request headers, and from which version. Certified versions are read on the journal's thread, so one peer
/// is answered at a time, in turn, and after each answer the journal has the thread to itself for as long as the answer
/// took.
struct HeaderRequestQueue {
    private var waiting: [(link: LinkID, from: Height)] = []
    private(set) var isReading = false

    /// A peer asks. What it asked before and was not answered yet is replaced, and keeps its turn.
    mutating func ask(_ link: LinkID, from height: Height) {
        if let index = waiting.firstIndex(where: { $0.link == link }) {
            waiting[index].from = height
        } else {
            waiting.append((link, height))
        }
    }

    /// Whose turn it is; nil while an answer is read or its pause lasts, and if no peer waits.
    mutating func next() -> (link: LinkID, from: Height)? {
        guard !isReading, !waiting.isEmpty else { return nil }
        isReading = true
        return waiting.removeFirst()
    }

    /// The pause after an answer is over.
    mutating func finish() { isReading = false }

    mutating func forget(_ link: LinkID) { waiting.removeAll { $0.link == link } }
}
