/// Cuts a stream of bytes into frames: two bytes of length, most significant first, then the frame.
///
/// Holds at most one incomplete frame, and of that only bytes that really came: a claimed length reserves nothing.
struct FrameReader {
    private var partial: [UInt8] = []

    var bufferedBytes: Int { partial.count }

    /// The next whole frame, without its prefix, taken off the head of `input`; nil once `input` is used up.
    ///
    /// - Throws: `frameLength` as soon as the prefix is there and claims a length outside of `byteCounts`.
    mutating func next(
        from input: inout ArraySlice<UInt8>, byteCounts: ClosedRange<Int>
    ) throws(LinkError) -> ArraySlice<UInt8>? {
        if partial.isEmpty, let frame = try whole(from: &input, byteCounts: byteCounts) { return frame }
        guard gather(LinkLimits.prefixBytes, from: &input) else { return nil }
        let byteCount = try FrameReader.byteCount(prefix: partial[...], byteCounts: byteCounts)
        guard gather(LinkLimits.prefixBytes + byteCount, from: &input) else { return nil }
        defer { partial = [] }
        return partial[LinkLimits.prefixBytes...]
    }

    /// A frame that lies in `input` as a whole is not copied.
    private func whole(
        from input: inout ArraySlice<UInt8>, byteCounts: ClosedRange<Int>
    ) throws(LinkError) -> ArraySlice<UInt8>? {
        guard input.count >= LinkLimits.prefixBytes else { return nil }
        let byteCount = try FrameReader.byteCount(prefix: input, byteCounts: byteCounts)
        guard input.count >= LinkLimits.prefixBytes + byteCount else { return nil }
        input = input.dropFirst(LinkLimits.prefixBytes)
        defer { input = input.dropFirst(byteCount) }
        return input.prefix(byteCount)
    }

    /// Fills `partial` up to `count` bytes; whether it has them now.
    private mutating func gather(_ count: Int, from input: inout ArraySlice<UInt8>) -> Bool {
        let missing = max(0, count - partial.count)
        partial += input.prefix(missing)
        input = input.dropFirst(missing)
        return partial.count >= count
    }

    private static func byteCount(
        prefix: ArraySlice<UInt8>, byteCounts: ClosedRange<Int>
    ) throws(LinkError) -> Int {
        var byteCount = 0
        for byte in prefix.prefix(LinkLimits.prefixBytes) { byteCount = byteCount << 8 | Int(byte) }
        guard byteCounts.contains(byteCount) else {
            throw .frameLength(
                byteCount: byteCount, byteCountMin: byteCounts.lowerBound, byteCountMax: byteCounts.upperBound)
        }
        return byteCount
    }
}

extension [UInt8] {
    /// A frame as it goes over the wire: its two bytes of length, then itself.
    static func framed(_ frame: [UInt8]) -> [UInt8] {
        precondition(frame.count <= LinkLimits.frameBytesMaximum)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(LinkLimits.prefixBytes + frame.count)
        bytes.append(UInt8(frame.count >> 8))
        bytes.append(UInt8(frame.count & 0xff))
        bytes += frame
        return bytes
    }
}
