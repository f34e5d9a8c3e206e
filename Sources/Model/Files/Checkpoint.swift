/// What a trainer keeps between runs: its moments, how far it came, and optionally the parameters themselves.
///
/// One file, little-endian: `MESHTRN2`; ten 64-bit words (flags, parameter count, configuration hash, seed, next global
/// step, next batch, optimizer updates, and three of the caller's); the moments as float32, first then second; with flag bit 0 the
/// parameters; flag bits 1 and 2 say whose moments they are; a 64-bit check sum (FNV-1a over words) of all before it. The length
/// follows from the header and is checked before anything is allocated. The check sum finds every flipped bit; it does not
/// authenticate.
public struct Checkpoint: Hashable, Sendable {
    /// Hash of the layout: names, shapes, order.
    public let layoutHash: UInt64
    public let seed: UInt64
    /// The global inner step to take next: the position in schedule and data.
    public let nextStep: UInt64
    /// The lowest number of a batch that was not drawn yet; above `nextStep` if the trainer is faster than the rounds.
    public let nextBatch: UInt64
    /// Updates that the moments have seen.
    public let updates: UInt64
    /// Three words of the caller's own.
    public let context: (UInt64, UInt64, UInt64)
    public let first: [Float]
    public let second: [Float]
    /// Whose moments they are: 0 AdamW's, 1 Muon's; 2 for gradients that are summed up for a shared optimizer.
    public let optimizer: UInt64
    /// Nil where the parameters come from elsewhere, from the daemon.
    public let parameters: [Float]?

    static let magic: [UInt8] = Array("MESHTRN2".utf8)
    /// Of steps and batches: no run reaches it, and the next number still fits.
    static let numberMaximum: UInt64 = 1 << 52
    static let headerBytes = 8 + 10 * 8

    public init(
        layoutHash: UInt64, seed: UInt64, nextStep: UInt64, nextBatch: UInt64, updates: UInt64,
        context: (UInt64, UInt64, UInt64) = (0, 0, 0), first: [Float], second: [Float], optimizer: UInt64,
        parameters: [Float]?
    ) {
        precondition(optimizer <= 2 && first.count == second.count && (parameters?.count ?? first.count) == first.count)
        self.layoutHash = layoutHash
        self.seed = seed
        self.nextStep = nextStep
        self.nextBatch = nextBatch
        self.updates = updates
        self.context = context
        self.first = first
        self.second = second
        self.optimizer = optimizer
        self.parameters = parameters
    }

    public static func == (left: Checkpoint, right: Checkpoint) -> Bool { left.encoded() == right.encoded() }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(layoutHash)
        hasher.combine(nextStep)
        hasher.combine(updates)
    }

    /// Length of the file.
    public static func byteCount(parameterCount: Int, includingParameters: Bool) -> Int {
        headerBytes + (includingParameters ? 3 : 2) * 4 * parameterCount + 8
    }

    /// The file's bytes.
    public func encoded() -> [UInt8] {
        var bytes = Checkpoint.magic
        let count = first.count
        bytes.reserveCapacity(Checkpoint.headerBytes + 12 * count + 8)
        let flags: UInt64 = (parameters == nil ? 0 : 1) + optimizer << 1
        for word in [
            flags, UInt64(count), layoutHash, seed, nextStep, nextBatch, updates, context.0,
            context.1, context.2,
        ] {
            Checkpoint.append(word, to: &bytes)
        }
        for array in [first, second, parameters ?? []] {
            for value in array {
                withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
            }
        }
        Checkpoint.append(Checkpoint.checksum(bytes[...]), to: &bytes)
        return bytes
    }

    /// - Parameter parameterCount: what the run's layout has; a file of another count is refused before it is read.
    /// - Throws: `.checkpointMagic`, `.checkpointLength`, `.checkpointChecksum`, `.checkpointMismatch`, `.notFinite`.
    public init(decoding bytes: [UInt8], parameterCount: Int) throws(ModelError) {
        guard bytes.count >= Checkpoint.headerBytes + 8 else {
            throw .checkpointLength(expected: Checkpoint.headerBytes + 8, found: bytes.count)
        }
        guard Array(bytes[..<8]) == Checkpoint.magic else { throw .checkpointMagic }
        func word(_ index: Int) -> UInt64 { Checkpoint.word(bytes, at: 8 + 8 * index) }
        let flags = word(0)
        guard flags <= 5 else { throw .checkpointMismatch(field: "flags", expected: 5, found: flags) }
        guard word(1) == UInt64(parameterCount) else {
            throw .checkpointMismatch(field: "parameters", expected: UInt64(parameterCount), found: word(1))
        }
        let hasParameters = flags & 1 == 1
        let expected = Checkpoint.byteCount(parameterCount: parameterCount, includingParameters: hasParameters)
        guard bytes.count == expected else { throw .checkpointLength(expected: expected, found: bytes.count) }
        guard Checkpoint.checksum(bytes[..<(expected - 8)]) == Checkpoint.word(bytes, at: expected - 8) else {
            throw .checkpointChecksum
        }
        func array(_ index: Int, _ name: String) throws(ModelError) -> [Float] {
            let start = Checkpoint.headerBytes + index * 4 * parameterCount
            var isFinite = true
            let values = [Float](unsafeUninitializedCapacity: parameterCount) { buffer, count in
                bytes.withUnsafeBytes { raw in
                    for position in 0..<parameterCount {
                        let pattern = raw.loadUnaligned(fromByteOffset: start + 4 * position, as: UInt32.self)
                        let value = Float(bitPattern: UInt32(littleEndian: pattern))
                        isFinite = isFinite && value.isFinite
                        buffer.initializeElement(at: position, to: value)
                    }
                }
                count = parameterCount
            }
            guard isFinite else { throw .notFinite(what: "checkpoint: a value of the \(name)") }
            return values
        }
        layoutHash = word(2)
        seed = word(3)
        for (index, field) in [(4, "next step"), (5, "next batch")] where word(index) > Checkpoint.numberMaximum {
            throw .checkpointMismatch(field: field, expected: Checkpoint.numberMaximum, found: word(index))
        }
        nextStep = word(4)
        nextBatch = word(5)
        updates = word(6)
        context = (word(7), word(8), word(9))
        first = try array(0, "first moments")
        second = try array(1, "second moments")
        optimizer = flags >> 1
        parameters = hasParameters ? try array(2, "parameters") : nil
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private static func word(_ bytes: [UInt8], at offset: Int) -> UInt64 {
        bytes.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }

    /// FNV-1a over 64-bit words, the last one padded with zeros. Each step is a bijection of the state, so one changed
    /// word always changes the sum.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.withUnsafeBytes { raw in
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            var offset = 0
            while offset + 8 <= raw.count {
                hash =
                    (hash ^ UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
                    &* 0x0000_0100_0000_01B3
                offset += 8
            }
            var last: UInt64 = 0
            for (shift, byte) in raw[offset...].enumerated() { last |= UInt64(byte) << UInt64(8 * shift) }
            return SplitMix.mix((hash ^ last) &* 0x0000_0100_0000_01B3)
        }
    }
}
