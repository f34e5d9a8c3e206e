/// Things by the instant at which they are due; of the same instant in the order in which they came. A binary heap.
struct DeliveryQueue<Element> {
    private struct Entry {
        let instant: UInt64
        let order: UInt64
        let element: Element

        func isBefore(_ other: Entry) -> Bool {
            instant == other.instant ? order < other.order : instant < other.instant
        }
    }

    private var entries: [Entry] = []
    private var nextOrder: UInt64 = 0

    var nextInstant: UInt64? { entries.first?.instant }

    mutating func insert(_ element: Element, at instant: UInt64) {
        entries.append(Entry(instant: instant, order: nextOrder, element: element))
        nextOrder += 1
        var index = entries.count - 1
        while index > 0, entries[index].isBefore(entries[(index - 1) / 2]) {
            entries.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// The first, where it is due.
    mutating func removeFirst(notAfter now: UInt64) -> (instant: UInt64, element: Element)? {
        guard let first = entries.first, first.instant <= now else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            sink()
        }
        return (first.instant, first.element)
    }

    private mutating func sink() {
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < entries.count && entries[child].isBefore(entries[least]) {
                least = child
            }
            guard least != index else { return }
            entries.swapAt(index, least)
            index = least
        }
    }
}
