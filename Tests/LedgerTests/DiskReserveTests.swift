import Ledger
import Testing

@Suite struct DiskReserveTests {
    @Test func theLargestIncompletePayloadsAreDroppedAndNoMoreThanNeeded() {
        let payloads: [(name: Int, bytes: UInt64)] = [(1, 10), (2, 40), (3, 20), (4, 40)]
        func dropped(free: UInt64, reserve: UInt64 = 100) -> [Int] {
            DiskReserve.dropped(of: payloads, free: free, reserve: reserve)
        }
        #expect(dropped(free: 100) == [])
        #expect(dropped(free: 99) == [2])
        #expect(dropped(free: 60) == [2])
        #expect(dropped(free: 59) == [2, 4])
        #expect(dropped(free: 0) == [2, 4, 3])
        #expect(dropped(free: 0, reserve: .max) == [2, 4, 3, 1])
    }

    @Test func theReserveHoldsRecordsAndOneVersionsParameters() {
        let tensors = [TensorShape(name: "a", shape: [262_144]), TensorShape(name: "b", shape: [1])]
        #expect(
            DiskReserve.bytes(tensors: tensors, optimizer: .muon) == DiskReserve.recordBytes + 4 * 262_145 + 2 * 32)
        #expect(
            DiskReserve.bytes(tensors: tensors, optimizer: .sharedAdamW)
                == DiskReserve.recordBytes + 4 * (262_145 + 262_146) + 4 * 32)
    }
}
