import System

/// What encoding a contribution gave, beside its payload.
public struct EncodedSummary: Hashable, Sendable {
    /// Bytes of the payload.
    public let byteCount: Int
    /// For the contribution's record: the norm of the decoded values in units of 2^-40.
    public let norm: UInt64
}

/// Why encoding failed.
public enum EncodingError: Error, Hashable, Sendable {
    /// The pseudo-gradient cannot be sent.
    case codec(CodecError)
    /// A file of it could not be read or written.
    case file(FileError)
}

/// Encodes a whole contribution, a segment in memory at a time.
public enum ContributionEncoder {
    /// Streams `delta` and `residual` to a payload and the next residual.
    ///
    /// - Parameters:
    ///   - delta: the pseudo-gradient: trained minus base.
    ///   - residual: what earlier contributions left unsent (`ZeroParameters` before the first).
    ///   - transform: of the pseudo-gradient; the residual is in the domain that it leads to.
    ///   - nextResidual: takes what this one leaves unsent. It must become durable together with the payload.
    ///   - payload: takes the payload.
    public static func encode(
        layout: ParameterLayout, profile: CodecProfile, errorFeedback: ErrorFeedback,
        transform: ChunkTransform = .identity, delta: some ParameterSource, residual: some ParameterSource,
        nextResidual: some ParameterSink,
        payload: some PayloadSink
    ) throws(EncodingError) -> EncodedSummary {
        precondition(delta.parameterCount == layout.parameterCount)
        precondition(residual.parameterCount == layout.parameterCount)
        let encoder = SegmentEncoder(
            layout: layout, profile: profile, errorFeedback: errorFeedback, transform: transform)
        let room = ParameterLayout.segmentChunks * ParameterLayout.chunkParameters
        let change = Storage<Float>(count: min(room, layout.parameterCount), filledWith: 0)
        let kept = Storage<Float>(count: min(room, layout.parameterCount), filledWith: 0)
        var sizes: [Int] = []
        sizes.reserveCapacity(layout.segmentCount)
        var offset = Contribution.headerBytes(layout: layout)
        var squareSum: UInt128 = 0
        do {
            for segment in 0..<layout.segmentCount {
                let range = layout.parameters(ofSegment: segment)
                let changeBuffer = UnsafeMutableBufferPointer(rebasing: change.buffer[..<range.count])
                let keptBuffer = UnsafeMutableBufferPointer(rebasing: kept.buffer[..<range.count])
                try delta.read(at: range.lowerBound, into: changeBuffer)
                try residual.read(at: range.lowerBound, into: keptBuffer)
                let output = try encoder.encode(
                    segment: segment, delta: UnsafeBufferPointer(changeBuffer), residual: keptBuffer)
                try nextResidual.append(UnsafeBufferPointer(keptBuffer))
                try payload.write(output.bytes, at: offset)
                offset += output.bytes.count
                sizes.append(output.bytes.count)
                let (sum, overflow) = squareSum.addingReportingOverflow(output.squareSum)
                guard !overflow, sum < FixedPoint.squareSumLimit else {
                    throw CodecError.normTooLarge
                }
                squareSum = sum
            }
            try payload.write(front(segmentSizes: sizes, layout: layout, profile: profile), at: 0)
        } catch let error as CodecError {
            throw .codec(error)
        } catch let error as FileError {
            throw .file(error)
        } catch {
            preconditionFailure("only the two error types above are thrown: \(error)")
        }
        return EncodedSummary(byteCount: offset, norm: FixedPoint.squareRoot(squareSum))
    }

    /// What stands before the segments: header and directory.
    ///
    /// - Parameter segmentSizes: in bytes, one for each segment of the layout.
    public static func front(segmentSizes: [Int], layout: ParameterLayout, profile: CodecProfile) -> [UInt8] {
        precondition(segmentSizes.count == layout.segmentCount)
        var bytes = PayloadHeader(
            profile: profile, parameterCount: layout.parameterCount, segmentCount: layout.segmentCount
        ).bytes
        for size in segmentSizes { withUnsafeBytes(of: UInt32(size).littleEndian) { bytes += $0 } }
        return bytes
    }

    /// Encodes in memory: for small models, the simulator and tests. `residual` is updated in place, on success only.
    public static func encode(
        layout: ParameterLayout, profile: CodecProfile, errorFeedback: ErrorFeedback,
        transform: ChunkTransform = .identity, delta: [Float], residual: inout [Float]
    ) throws(EncodingError) -> (payload: [UInt8], summary: EncodedSummary) {
        let next = ParameterArraySink()
        let payload = MemoryPayloadSink()
        let summary = try encode(
            layout: layout, profile: profile, errorFeedback: errorFeedback, transform: transform,
            delta: ParameterArray(delta), residual: ParameterArray(residual), nextResidual: next, payload: payload)
        residual = next.values
        return (payload.bytes, summary)
    }
}
