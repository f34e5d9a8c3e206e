import CKernels

/// In which form the values of a chunk are sent.
public enum ChunkTransform: Hashable, Sendable {
    /// As they are.
    case identity
    /// As the coefficients of a Walsh-Hadamard transform: each value is spread over its chunk, so that a few coefficients say
    /// something about all values. For gradients (DeMo, Peng, Quesnelle, Kingma 2024, has a cosine transform here); local
    /// steps gain nothing by it.
    case hadamard

    /// Transforms a chunk in place. The transform is its own inverse.
    ///
    /// A chunk that is no power of two long is transformed in parts that are: the largest that fits first.
    ///
    /// - Parameter count: at most 4096.
    func apply(to values: UnsafeMutablePointer<Float>, count: Int) {
        guard self == .hadamard else { return }
        var done = 0
        while done < count {
            let length = 1 << (Int.bitWidth - 1 - (count - done).leadingZeroBitCount)
            mesh_hadamard(values + done, length)
            done += length
        }
    }
}
