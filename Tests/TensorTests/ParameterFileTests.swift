import Crypto
import System
import TestKit
import Testing

@testable import Tensor

@Suite("Parameter files")
struct ParameterFileTests {
    private let folder = TemporaryFolder()
    private let values: [Float]
    private let root: Digest

    init() throws {
        var random = TestRandom(30)
        values = random.pseudoGradient(ParameterLayout.blockParameters + 5000)
        root = try ParameterFile.write(ParameterArray(values), to: folder.file("base")).name
    }

    private func open(_ expected: Digest?) throws(FileError) -> ParameterFile {
        try ParameterFile(path: folder.file("base"), parameterCount: values.count, expectedRoot: expected)
    }

    @Test
    func whatWasWrittenIsReadInAnyPart() throws {
        let file = try open(root)
        try file.verify()
        #expect(try file.readAll() == values)
        let part = UnsafeMutableBufferPointer<Float>.allocate(capacity: 100)
        defer { part.deallocate() }
        try file.read(at: ParameterLayout.blockParameters - 50, into: part)
        #expect(
            Array(part) == Array(values[ParameterLayout.blockParameters - 50..<ParameterLayout.blockParameters + 50]))
        #expect(folder.names == ["base"])
    }

    @Test
    func theFileIsTheFloatsThenTheLeaves() throws {
        let bytes = folder.bytes("base")
        let floats = values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init) }
        let first = MerkleTree.leaf(Array(floats[..<ParameterLayout.blockBytes]))
        let second = MerkleTree.leaf(Array(floats[ParameterLayout.blockBytes...]))
        #expect(bytes == floats + first.bytes + second.bytes)
        #expect(root == MerkleTree(leaves: [first, second]).root)
    }

    @Test
    func anyFlippedBitIsNoticedAndItsBlockNamed() throws {
        let original = folder.bytes("base")
        var random = TestRandom(31)
        for _ in 0..<30 {
            var bytes = original
            let place = Int.random(in: 0..<bytes.count, using: &random)
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            folder.write(bytes, to: "base")
            if place >= 4 * values.count {
                let error = #expect(throws: FileError.self) { try open(root) }
                guard case .damaged(folder.file("base"), let place) = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(place.hasSuffix("expected \(root.short)"))
            } else {
                let block = place / ParameterLayout.blockBytes
                #expect(throws: FileError.damaged(file: folder.file("base"), place: "block \(block)")) {
                    try open(root).verify()
                }
            }
        }
    }

    @Test
    func filesOfAnotherLengthOrRootOrNoneAreRefused() throws {
        let other = Digest.zero
        let place = "the Merkle leaves at its end lead to \(root.short), expected \(other.short)"
        #expect(throws: FileError.damaged(file: folder.file("base"), place: place)) { try open(other) }
        let original = folder.bytes("base")
        for bytes in [[], Array(original.dropLast()), original + [0], Array(original[..<(4 * values.count)])] {
            folder.write(bytes, to: "base")
            #expect(
                throws: FileError.wrongSize(
                    file: folder.file("base"), expectedBytes: original.count, foundBytes: bytes.count)
            ) { try open(nil) }
        }
        #expect(throws: FileError.system(file: folder.file("none"), operation: "open", code: 2)) {
            try ParameterFile(path: folder.file("none"), parameterCount: 1, expectedRoot: nil)
        }
    }

    @Test
    func anAbandonedWriterLeavesNothingAndTouchesNothing() throws {
        let before = folder.bytes("base")
        do {
            let writer = try ParameterFileWriter(
                path: folder.file("base"), shape: StateShape(parameterCount: values.count))
            _ = try values[..<ParameterLayout.blockParameters].withUnsafeBufferPointer { try writer.writeBlock(0, $0) }
            #expect(folder.names == ["base", "base.partial"])
            let bytes = 4 * values.count + 32
            let error = FileError.wrongSize(
                file: folder.file("base"), expectedBytes: bytes + 32, foundBytes: bytes)
            #expect(throws: error) { try writer.finish() }
        }
        #expect(folder.names == ["base"])
        #expect(folder.bytes("base") == before)
    }

    @Test
    func aValueThatIsNotFiniteIsNeverWritten() throws {
        for bad in [Float.nan, .infinity, -.infinity] {
            var broken = values
            broken[ParameterLayout.blockParameters + 1] = bad
            let place = "block 1 has a number that is not finite"
            #expect(throws: FileError.damaged(file: folder.file("new"), place: place)) {
                try ParameterFile.write(ParameterArray(broken), to: folder.file("new"))
            }
        }
        #expect(folder.names == ["base"])
    }

    @Test
    func appendingInAnyPiecesGivesTheSameFile() throws {
        let appender = try ParameterFileAppender(path: folder.file("new"), parameterCount: values.count)
        var random = TestRandom(32)
        var rest = values[...]
        while !rest.isEmpty {
            let count = min(rest.count, Int.random(in: 0...100_000, using: &random))
            try rest.prefix(count).withUnsafeBufferPointer { try appender.append($0) }
            rest = rest.dropFirst(count)
        }
        #expect(throws: FileError.self) { try values.withUnsafeBufferPointer { try appender.append($0) } }
        #expect(try appender.finish().root == root)
        #expect(folder.bytes("new") == folder.bytes("base"))
    }

    /// Two parts of which each begins blocks of its own: one to three blocks, whole or not.
    @Test(arguments: [(10, 11), (262_144, 262_145), (300_000, 300_001), (786_432, 5)])
    func aFileOfTwoPartsHasTheirRootsAndAProofForEveryBlock(parameters: Int, outer: Int) throws {
        var random = TestRandom(33)
        let first = random.pseudoGradient(parameters)
        let second = random.pseudoGradient(outer)
        let shape = StateShape(parameterCount: parameters, outerCount: outer)
        let writer = try ParameterFileWriter(path: folder.file("two"), shape: shape)
        for block in (0..<shape.blockCount).reversed() {
            let values = Array((first + second)[shape.values(ofBlock: block)])
            try values.withUnsafeBufferPointer { _ = try writer.writeBlock(block, $0) }
        }
        let written = try writer.finish()
        let roots = [
            try ParameterFile.tree(of: ParameterArray(first)).root,
            try ParameterFile.tree(of: ParameterArray(second)).root,
        ]
        let file = try ParameterFile(path: folder.file("two"), shape: shape, expectedName: written.name)
        #expect([file.root, file.outerRoot] == roots)
        #expect(file.name == MerkleTree(leaves: roots).root)
        #expect(try file.readAll() == first)
        #expect(try #require(file.outer).readAll() == second)
        try file.verify()
        for block in 0..<shape.blockCount {
            let (bytes, proof) = (try file.bytes(ofBlock: block), file.proof(ofBlock: block))
            let leaf = MerkleTree.leaf(bytes)
            #expect(shape.verify(leaf: leaf, block: block, proof: proof, name: file.name))
            for other in 0..<shape.blockCount where other != block {
                #expect(!shape.verify(leaf: leaf, block: other, proof: proof, name: file.name))
            }
            #expect(!shape.verify(leaf: leaf, block: block, proof: [], name: file.name))
            #expect(!shape.verify(leaf: leaf, block: block, proof: Array(proof.dropLast()), name: file.name))
            #expect(!shape.verify(leaf: leaf, block: block, proof: proof + [roots[0]], name: file.name))
            #expect(!shape.verify(leaf: MerkleTree.leaf(bytes + [0]), block: block, proof: proof, name: file.name))
        }
        // A part that is given for the other, and a file of another shape, are noticed.
        #expect(throws: FileError.self) {
            try ParameterFile(
                path: folder.file("two"), shape: StateShape(parameterCount: parameters + outer),
                expectedName: written.name)
        }
        var bytes = folder.bytes("two")
        bytes[4 * (parameters + outer) - 1] ^= 1
        folder.write(bytes, to: "two")
        let damaged = try ParameterFile(path: folder.file("two"), shape: shape, expectedName: written.name)
        #expect(throws: FileError.damaged(file: folder.file("two"), place: "block \(shape.blockCount - 1)")) {
            try damaged.verify()
        }
    }

    @Test(arguments: [10, 262_144, 300_000])
    func secondMomentsAndStepsAreWrittenAndReadAsOneState(parameters: Int) throws {
        var random = TestRandom(34)
        let moments = random.pseudoGradient(parameters)
        let shape = StateShape(
            parameterCount: parameters, outerCount: SharedState.count(parameterCount: parameters))
        let writer = try ParameterFileWriter(path: folder.file("two"), shape: shape)
        let sink = SecondMomentSink(output: writer.outer, parameterCount: parameters, steps: 123)
        for block in 0..<shape.parameterBlockCount {
            let part = Array(moments[shape.values(ofBlock: block)])
            try part.withUnsafeBufferPointer {
                _ = try writer.writeBlock(block, $0)
                _ = try sink.writeBlock(block, $0)
            }
        }
        let name = try writer.finish().name
        let file = try ParameterFile(path: folder.file("two"), shape: shape, expectedName: name)
        let outer = try #require(file.outer)
        #expect(try outer.readAll() == moments + [123])
        #expect(try SharedState.steps(of: outer) == 123)
        let source = SecondMomentSource(state: outer)
        #expect(try source.readAll() == moments)
        for block in 0..<shape.parameterBlockCount {
            let range = shape.values(ofBlock: block)
            let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: range.count)
            defer { values.deallocate() }
            try source.readBlock(block, into: values)
            #expect(Array(values) == Array(moments[range]))
        }
        for steps in [Float(-1), -0.0, 0.5, 0x1p25, .nan] {
            #expect(throws: FileError.self) { try SharedState.steps(of: ParameterArray([0, 0, steps])) }
        }
    }
}
