import Gossip
import Ledger
import Testing

@testable import MeshNode

struct HeaderRequestQueueTests {
    @Test("Peers that request headers are answered one at a time and in turn, each with its newest question")
    func answersInTurn() {
        var queue = HeaderRequestQueue()
        let (flooder, other) = (LinkID(1), LinkID(2))
        queue.ask(flooder, from: Height(1))
        let first = queue.next()
        #expect(first?.link == flooder)
        for height in 2...100 as ClosedRange<UInt64> { queue.ask(flooder, from: Height(height)) }
        queue.ask(other, from: Height(7))
        queue.ask(flooder, from: Height(50))
        let early = queue.next()
        #expect(early == nil, "the first answer is still read")
        queue.finish()
        let second = queue.next()
        #expect(second?.link == flooder && second?.from == Height(50))
        queue.finish()
        let third = queue.next()
        #expect(third?.link == other && third?.from == Height(7))
        queue.finish()
        let late = queue.next()
        #expect(late == nil, "each was answered once")
        queue.ask(other, from: Height(8))
        queue.forget(other)
        let forgotten = queue.next()
        #expect(forgotten == nil)
    }
}
