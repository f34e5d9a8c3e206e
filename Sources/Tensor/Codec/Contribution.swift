/// A payload whose header and directory have been checked: what averaging and validation read segments from.
public struct Contribution: Sendable {
    public let layout: ParameterLayout
    public let profile: CodecProfile
    public let payload: any PayloadReader
    /// Where each segment starts in the payload; one more for the end.
    private let offsets: [Int]
    private let compressed: [Bool]

    /// Checks header and directory against the layout and profile that the rules ask for.
    ///
    /// The memory that this takes (16 bytes a segment) follows from the layout, not from the payload.
    public init(
        payload: any PayloadReader, layout: ParameterLayout, profile: CodecProfile
    ) throws(CodecError) {
        precondition(profile.isValid)
        let start = Self.headerBytes(layout: layout)
        let directoryBytes = start - PayloadHeader.byteCount
        guard payload.byteCount >= PayloadHeader.byteCount else {
            throw .sizeMismatch(segment: nil, expectedBytes: start, foundBytes: payload.byteCount)
        }
        try PayloadHeader.check(
            Self.bytes(of: payload, at: 0, count: PayloadHeader.byteCount), layout: layout, profile: profile)
        guard payload.byteCount >= start else {
            throw .sizeMismatch(segment: nil, expectedBytes: start, foundBytes: payload.byteCount)
        }
        let directory = try Self.bytes(of: payload, at: PayloadHeader.byteCount, count: directoryBytes)
        var offsets = [start]
        var compressed: [Bool] = []
        offsets.reserveCapacity(layout.segmentCount + 1)
        compressed.reserveCapacity(layout.segmentCount)
        for segment in 0..<layout.segmentCount {
            let entry = UInt32(PayloadHeader.littleEndian(directory[4 * segment..<4 * segment + 4]))
            let size = Int(entry & ~PayloadHeader.compressedFlag)
            let isCompressed = entry & PayloadHeader.compressedFlag != 0
            let limit = SegmentFormat.byteLimit(layout: layout, segment: segment, profile: profile)
            let isInRange = profile == .denseFloat32 ? !isCompressed && size == limit : size > 0 && size <= limit
            guard isInRange else { throw .sizeMismatch(segment: segment, expectedBytes: limit, foundBytes: size) }
            offsets.append(offsets[segment] + size)
            compressed.append(isCompressed)
        }
        guard offsets[layout.segmentCount] == payload.byteCount else {
            throw .sizeMismatch(
                segment: nil, expectedBytes: offsets[layout.segmentCount], foundBytes: payload.byteCount)
        }
        self.layout = layout
        self.profile = profile
        self.payload = payload
        self.offsets = offsets
        self.compressed = compressed
    }

    /// Bytes of a payload before its first segment: header and directory.
    public static func headerBytes(layout: ParameterLayout) -> Int {
        PayloadHeader.byteCount + PayloadHeader.directoryEntryBytes * layout.segmentCount
    }

    func isCompressed(_ segment: Int) -> Bool { compressed[segment] }

    func range(ofSegment segment: Int) -> Range<Int> { offsets[segment]..<offsets[segment + 1] }

    private static func bytes(
        of payload: any PayloadReader, at offset: Int, count: Int
    ) throws(CodecError) -> [UInt8] {
        let storage = Storage<UInt8>(count: max(count, 1), filledWith: 0)
        try payload.read(
            at: offset,
            into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(storage.buffer)[..<count]))
        return Array(storage.buffer[..<count])
    }
}
