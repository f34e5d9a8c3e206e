import Crypto
import System

extension SafetensorsFile {
    /// Writes a flat vector as a safetensors file: F32, tensors in the order of the layout, the same bytes for the same
    /// input. Streams; a new file, synced and renamed, that other accounts may read: a model is public in its mesh.
    ///
    /// - Parameters:
    ///   - carried: tensors that are not trained; they follow the parameters.
    ///   - metadata: pairs for `__metadata__`, written in this order; keys must differ.
    public static func write(
        _ source: some ParameterSource, layout: ParameterLayout, carrying carried: CarriedTensors = CarriedTensors(),
        metadata: [(key: String, value: String)] = [],
        to path: String
    ) throws(SafetensorsError) {
        precondition(source.parameterCount == layout.parameterCount)
        precondition(Set(metadata.map { ExactText($0.key) }).count == metadata.count, "metadata keys must differ")
        if let twice = carried.tensors.first(where: { layout.index(of: $0.name) != nil }) {
            throw .duplicateName(file: path, name: twice.name)
        }
        let parameterBytes = 4 * layout.parameterCount
        let header = SafetensorsHeader.bytes(
            parts: SafetensorsHeader.parts(of: layout) + SafetensorsHeader.parts(of: carried, at: parameterBytes),
            metadata: metadata)
        guard header.count <= SafetensorsHeader.byteLimit else {
            throw .headerTooLong(file: path, bytes: UInt64(header.count))
        }
        do throws(FileError) {
            let output = try FilePayloadSink(path: path, isPublic: true)
            try output.write(withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header, at: 0)
            let scratch = Storage<Float>(
                count: min(ParameterLayout.blockParameters, layout.parameterCount), filledWith: 0)
            for block in 0..<layout.blockCount {
                let range = layout.parameters(ofBlock: block)
                let buffer = UnsafeMutableBufferPointer(rebasing: scratch.buffer[..<range.count])
                try source.readBlock(block, into: buffer)
                FloatBytes.swapOnBigEndian(buffer)
                try output.write(Array(UnsafeRawBufferPointer(buffer)), at: 8 + header.count + 4 * range.lowerBound)
            }
            var end = 8 + header.count + parameterBytes
            for tensor in carried.tensors {
                try output.write(tensor.bytes, at: end)
                end += tensor.bytes.count
            }
            try output.finish()
        } catch {
            throw .file(error)
        }
    }
}
