/// What is yet to happen, ordered by time and, at one time, by the order in which it was planned.
///
/// A binary heap: O(log n) for a push and a pop.
struct EventQueue<Occurrence> {
    private struct Entry {
        let time: SimulatedTime
        let sequence: UInt64
        let occurrence: Occurrence

        func precedes(_ other: Entry) -> Bool {
            time != other.time ? time < other.time : sequence < other.sequence
        }
    }

    private var heap: [Entry] = []
    private var planned: UInt64 = 0

    var count: Int { heap.count }

    mutating func push(_ occurrence: Occurrence, at time: SimulatedTime) {
        heap.append(Entry(time: time, sequence: planned, occurrence: occurrence))
        planned += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> (time: SimulatedTime, occurrence: Occurrence)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.time, first.occurrence)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].precedes(heap[least]) { least = child }
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
