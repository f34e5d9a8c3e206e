import System

extension ContributionEncoder {
    /// Puts a contribution that no manifest listed back into the residual, a segment in memory at a time.
    ///
    /// - Parameters:
    ///   - residual: what is unsent now.
    ///   - nextResidual: takes residual plus decoded contribution, each sum rounded once.
    public static func restore(
        _ contribution: Contribution, residual: some ParameterSource, nextResidual: some ParameterSink
    ) throws(EncodingError) {
        let layout = contribution.layout
        precondition(residual.parameterCount == layout.parameterCount)
        let decoder = SegmentDecoder(contribution)
        let room = ParameterLayout.segmentChunks * ParameterLayout.chunkParameters
        let storage = Storage<Float>(count: min(room, layout.parameterCount), filledWith: 0)
        for segment in 0..<layout.segmentCount {
            let range = layout.parameters(ofSegment: segment)
            let values = UnsafeMutableBufferPointer(rebasing: storage.buffer[..<range.count])
            do throws(FileError) {
                try residual.read(at: range.lowerBound, into: values)
            } catch {
                throw .file(error)
            }
            do throws(CodecError) {
                for index in layout.chunks(ofSegment: segment) {
                    let start = layout.chunk(at: index).offset - range.lowerBound
                    add(try decoder.chunk(index), to: values, at: start)
                }
            } catch {
                throw .codec(error)
            }
            do throws(FileError) {
                try nextResidual.append(UnsafeBufferPointer(values))
            } catch {
                throw .file(error)
            }
        }
    }

    private static func add(
        _ chunk: SegmentDecoder.Chunk, to values: UnsafeMutableBufferPointer<Float>, at start: Int
    ) {
        switch chunk {
        case .sparse(let indices, let levels, let unit):
            for entry in indices.indices {
                values[start + Int(indices[entry])] += Float(Int64(levels[entry]) * unit) * 0x1p-40
            }
        case .dense(let dense):
            for place in dense.indices { values[start + place] += Float(dense[place]) * 0x1p-40 }
        }
    }
}
