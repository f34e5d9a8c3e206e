/// A payload whose header and directory have been checked: what averaging and validation read segments from.
public struct Contribution: Sendable {
    public let layout: ParameterLayout
    public let profile: CodecProfile
    public let payload: any PayloadReader
    /// Where each segment starts in the payload; one more for the end.
    private let offsets: [Int]

    /// Checks header and directory against the layout and profile that the rules ask for.
    ///
    /// The memory that this takes (8 bytes per segment) follows from the layout, not from the payload.
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
        offsets.reserveCapacity(layout.segmentCount + 1)
        for segment in 0..<layout.segmentCount {
            let size = Int(PayloadHeader.littleEndian(directory[4 * segment..<4 * segment + 4]))
            let allowed = SegmentFormat.byteCounts(layout: layout, segment: segment, profile: profile)
            guard allowed.contains(size) else {
                throw .sizeMismatch(
                    segment: segment,
                    expectedBytes: size < allowed.lowerBound ? allowed.lowerBound : allowed.upperBound,
                    foundBytes: size)
            }
            offsets.append(offsets[segment] + size)
        }
        guard offsets[layout.segmentCount] == payload.byteCount else {
            throw .sizeMismatch(
                segment: nil, expectedBytes: offsets[layout.segmentCount], foundBytes: payload.byteCount)
        }
        self.layout = layout
        self.profile = profile
        self.payload = payload
        self.offsets = offsets
    }

    /// Bytes of a payload before its first segment: header and directory.
    public static func headerBytes(layout: ParameterLayout) -> Int {
        PayloadHeader.byteCount + PayloadHeader.directoryEntryBytes * layout.segmentCount
    }

    /// The largest payload that is valid for a layout and profile, in bytes; such a payload exists. A claimed size is
    /// compared with it before anything is allocated or fetched.
    public static func byteLimit(layout: ParameterLayout, profile: CodecProfile) -> Int {
        var limit = headerBytes(layout: layout)
        for segment in 0..<layout.segmentCount {
            limit += SegmentFormat.byteCounts(layout: layout, segment: segment, profile: profile).upperBound
        }
        return limit
    }

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
