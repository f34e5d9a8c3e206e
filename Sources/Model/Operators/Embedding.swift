/// Rows of the embedding matrix, one per token.
package enum Embedding {
    /// x (N, C) = rows of E (V, C)
    package static func forward(
        output: UnsafeMutablePointer<Float>, tokens: UnsafePointer<UInt16>, weight: UnsafePointer<Float>, rows: Int,
        columns: Int
    ) {
        for row in 0..<rows {
            (output + row * columns).update(from: weight + Int(tokens[row]) * columns, count: columns)
        }
    }

    /// dE (V, C) += dx (N, C), row by row
    package static func backward(
        weightGradient: UnsafeMutablePointer<Float>, outputGradient: UnsafePointer<Float>,
        tokens: UnsafePointer<UInt16>, rows: Int, columns: Int
    ) {
        for row in 0..<rows {
            let target = weightGradient + Int(tokens[row]) * columns
            let source = outputGradient + row * columns
            for column in stride(from: 0, to: columns, by: laneWidth) {
                store(load(target, column) + load(source, column), target, column)
            }
        }
    }
}
