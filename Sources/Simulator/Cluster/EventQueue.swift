/// What is yet to happen, ordered by time and, at one time, by the order in which it was planned.
///
/// A binary heap of small keys over a pool of occurrences, so that what is large moves twice only: O(log n) for a push
/// and a pop.
struct EventQueue<Occurrence> {
    private struct Key {
        let time: SimulatedTime
        let sequence: UInt64
        /// Where in `pool` the occurrence is.
        let place: Int

        func precedes(_ other: Key) -> Bool {
            time != other.time ? time < other.time : sequence < other.sequence
        }
    }

    private var heap: [Key] = []
    private var pool: [Occurrence?] = []
    private var free: [Int] = []
    private var planned: UInt64 = 0

    var count: Int { heap.count }

    mutating func push(_ occurrence: Occurrence, at time: SimulatedTime) {
        let place: Int
        if let left = free.popLast() {
            place = left
            pool[left] = occurrence
        } else {
            place = pool.count
            pool.append(occurrence)
        }
        heap.append(Key(time: time, sequence: planned, place: place))
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
        guard let first = heap.first, let occurrence = pool[first.place] else { return nil }
        pool[first.place] = nil
        free.append(first.place)
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.time, occurrence)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            let (left, right) = (2 * parent + 1, 2 * parent + 2)
            if left < heap.count, heap[left].precedes(heap[least]) { least = left }
            if right < heap.count, heap[right].precedes(heap[least]) { least = right }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
