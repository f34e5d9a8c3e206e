import Crypto
import Testing

@testable import Tensor

@Suite("Parameter files")
struct ParameterFileTests {
    private let folder = TestFolder()
    private let values: [Float]
    private let root: Digest

    init() throws {
        var random = TestRandom(30)
        values = random.pseudoGradient(ParameterLayout.blockParameters + 5000)
        root = try ParameterFile.write(ParameterArray(values), to: folder.file("base")).root
    }

    private func open(_ expected: Digest?) throws(ParameterFileError) -> ParameterFile {
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
            folder.write(bytes, "base")
            if place >= 4 * values.count {
                let error = #expect(throws: ParameterFileError.self) { try open(root) }
                guard case .wrongRoot(let file, root, _) = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(file == folder.file("base"))
            } else {
                let block = place / ParameterLayout.blockBytes
                #expect(throws: ParameterFileError.corruptBlock(file: folder.file("base"), block: block)) {
                    try open(root).verify()
                }
            }
        }
    }

    @Test
    func filesOfAnotherLengthOrRootOrNoneAreRefused() throws {
        let other = Digest.zero
        #expect(throws: ParameterFileError.wrongRoot(file: folder.file("base"), expected: other, found: root)) {
            try open(other)
        }
        let original = folder.bytes("base")
        for bytes in [[], Array(original.dropLast()), original + [0], Array(original[..<(4 * values.count)])] {
            folder.write(bytes, "base")
            #expect(
                throws: ParameterFileError.wrongSize(
                    file: folder.file("base"), expectedBytes: original.count, foundBytes: bytes.count)
            ) { try open(nil) }
        }
        #expect(throws: ParameterFileError.system(file: folder.file("none"), operation: "open", code: 2)) {
            try ParameterFile(path: folder.file("none"), parameterCount: 1, expectedRoot: nil)
        }
    }

    @Test
    func anAbandonedWriterLeavesNothingAndTouchesNothing() throws {
        let before = folder.bytes("base")
        do {
            let writer = try ParameterFileWriter(path: folder.file("base"), parameterCount: values.count)
            _ = try values[..<ParameterLayout.blockParameters].withUnsafeBufferPointer { try writer.writeBlock(0, $0) }
            #expect(folder.names == ["base", "base.partial"])
            #expect(throws: ParameterFileError.wrongCount(file: folder.file("base"), expected: 2, found: 1)) {
                try writer.finish()
            }
        }
        #expect(folder.names == ["base"])
        #expect(folder.bytes("base") == before)
    }

    @Test
    func aValueThatIsNotFiniteIsNeverWritten() throws {
        for bad in [Float.nan, .infinity, -.infinity] {
            var broken = values
            broken[ParameterLayout.blockParameters + 1] = bad
            #expect(throws: ParameterFileError.nonFinite(file: folder.file("new"), block: 1)) {
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
        #expect(throws: ParameterFileError.self) { try values.withUnsafeBufferPointer { try appender.append($0) } }
        #expect(try appender.finish().root == root)
        #expect(folder.bytes("new") == folder.bytes("base"))
    }
}
