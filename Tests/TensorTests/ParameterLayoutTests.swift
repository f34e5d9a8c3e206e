import Tensor
import Testing

@Suite("Parameter layout")
struct ParameterLayoutTests {
    @Test
    func gridsCoverTheFlatVectorOnceEach() throws {
        for layout in [try TestLayouts.small(), try TestLayouts.several()] {
            var next = 0
            for index in 0..<layout.chunkCount {
                let chunk = layout.chunk(at: index)
                #expect(chunk.offset == next)
                #expect((1...4096).contains(chunk.count))
                #expect(layout.tensors[chunk.tensor].range.contains(chunk.offset))
                #expect(chunk.range.upperBound <= layout.tensors[chunk.tensor].range.upperBound)
                #expect(layout.chunkIndex(containing: chunk.offset) == index)
                #expect(layout.chunkIndex(containing: chunk.range.upperBound - 1) == index)
                next = chunk.range.upperBound
            }
            #expect(next == layout.parameterCount)
            #expect((0..<layout.segmentCount).flatMap { layout.parameters(ofSegment: $0) }.count == next)
            #expect((0..<layout.blockCount).flatMap { layout.parameters(ofBlock: $0) }.count == next)
            #expect((0..<layout.segmentCount).flatMap { layout.chunks(ofSegment: $0) } == Array(0..<layout.chunkCount))
        }
    }

    @Test
    func shortLastChunksAndScalarsAreCounted() throws {
        let layout = try TestLayouts.small()
        #expect(layout.tensors.map(\.count) == [12480, 48, 1, 4097, 8192, 3])
        #expect(layout.tensors.map(\.chunkCount) == [4, 1, 1, 2, 2, 1])
        #expect(layout.chunk(at: 3).count == 12480 - 3 * 4096)
        #expect(layout.chunk(at: 7).count == 1)
    }

    /// As records and files compare them: by bytes, not by canonical equivalence as Swift's strings.
    @Test
    func canonicallyEquivalentNames_areTwoTensors() throws {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        let layout = try ParameterLayout([(composed, [2]), (decomposed, [3])])
        #expect(layout.index(of: composed) == 0)
        #expect(layout.index(of: decomposed) == 1)
        let one = try ParameterLayout([(composed, [2])])
        let other = try ParameterLayout([(decomposed, [2])])
        #expect(one != other)
        #expect(one.digest != other.digest)
    }

    @Test
    func whatIsNoLayoutIsRefusedByName() {
        #expect(throws: LayoutError.noTensors) { try ParameterLayout([]) }
        #expect(throws: LayoutError.badName("")) { try ParameterLayout([("", [1])]) }
        let long = String(repeating: "é", count: 129)
        #expect(throws: LayoutError.badName(long)) { try ParameterLayout([(long, [1])]) }
        #expect(throws: LayoutError.duplicateName("a")) { try ParameterLayout([("a", [1]), ("a", [2])]) }
        #expect(throws: LayoutError.badShape(name: "a", shape: [3, 0])) { try ParameterLayout([("a", [3, 0])]) }
        #expect(throws: LayoutError.badShape(name: "a", shape: [-1])) { try ParameterLayout([("a", [-1])]) }
        let deep = [Int](repeating: 1, count: 9)
        #expect(throws: LayoutError.badShape(name: "a", shape: deep)) { try ParameterLayout([("a", deep)]) }
        #expect(throws: LayoutError.tooManyParameters(limit: 1 << 40)) {
            try ParameterLayout([("a", [1 << 20, 1 << 20]), ("b", [1])])
        }
        #expect(throws: LayoutError.tooManyParameters(limit: 1 << 40)) { try ParameterLayout([("a", [.max, .max])]) }
        #expect(throws: LayoutError.tooManyTensors(count: 4097, limit: 4096)) {
            try ParameterLayout((0..<4097).map { ("t\($0)", [1]) })
        }
    }

    @Test
    func theDigestTellsNamesShapesAndOrderApart() throws {
        let digests = [
            try ParameterLayout([("a", [2, 3]), ("b", [1])]).digest,
            try ParameterLayout([("b", [1]), ("a", [2, 3])]).digest,
            try ParameterLayout([("a", [3, 2]), ("b", [1])]).digest,
            try ParameterLayout([("a", [6]), ("b", [1])]).digest,
        ]
        #expect(Set(digests).count == digests.count)
        #expect(digests[0] == (try ParameterLayout([("a", [2, 3]), ("b", [1])]).digest))
    }
}
