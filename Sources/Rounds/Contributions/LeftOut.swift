import Tensor

/// What becomes of a contribution that no version listed: its values go back into the residual, so that the next
/// contribution sends them again (error feedback, Seide et al. 2014).
public enum LeftOut {
    /// Streams `residual` plus the payload's values into `nextResidual`, a chunk in memory at a time.
    ///
    /// The sum is float32 and concerns this site alone: no other member compares it.
    public static func restore(
        _ payload: any PayloadReader, profile: CodecProfile, layout: ParameterLayout, residual: some ParameterSource,
        nextResidual: some ParameterSink
    ) throws(EncodingError) {
        precondition(residual.parameterCount == layout.parameterCount)
        let chunk = UnsafeMutableBufferPointer<Float>.allocate(capacity: ParameterLayout.chunkParameters)
        defer { chunk.deallocate() }
        do {
            let decoder = SegmentDecoder(
                try Tensor.Contribution(payload: payload, layout: layout, profile: profile))
            for index in 0..<layout.chunkCount {
                let place = layout.chunk(at: index)
                let values = UnsafeMutableBufferPointer(rebasing: chunk[..<place.count])
                try residual.read(at: place.offset, into: values)
                add(try decoder.chunk(index), to: values)
                try nextResidual.append(UnsafeBufferPointer(values))
            }
        } catch let error as CodecError {
            throw .codec(error)
        } catch let error as ParameterFileError {
            throw .file(error)
        } catch {
            preconditionFailure("only the two error types above are thrown: \(error)")
        }
    }

    private static func add(_ chunk: SegmentDecoder.Chunk, to values: UnsafeMutableBufferPointer<Float>) {
        switch chunk {
        case .sparse(let indices, let levels, let unit):
            for entry in indices.indices {
                // Below 2^50, so the product is exact in a Double too.
                values[Int(indices[entry])] += Float(FixedPoint.value(Int64(levels[entry]) * unit))
            }
        case .dense(let fixed):
            for index in fixed.indices { values[index] += Float(FixedPoint.value(fixed[index])) }
        }
    }
}

extension FixedPoint {
    /// The number that a value of the codec stands for.
    fileprivate static func value(_ fixed: Int64) -> Double { Double(fixed) * 0x1p-40 }
}
