/// RMSNorm (Zhang, Sennrich 2019): y = w x / sqrt(mean(x²) + epsilon), row by row.
package enum RootMeanSquareNorm {
    /// y (N, C), inverse (N) from x (N, C), w (C)
    package static func forward(
        output: UnsafeMutablePointer<Float>, inverse: UnsafeMutablePointer<Float>, input: UnsafePointer<Float>,
        weight: UnsafePointer<Float>, rows: Int, columns: Int
    ) {
        for row in 0..<rows {
            let x = input + row * columns
            let y = output + row * columns
            var squares = Lane.zero
            for column in stride(from: 0, to: columns, by: laneWidth) {
                let value = load(x, column)
                squares += value * value
            }
            let scale = 1 / (squares.sum() / Float(columns) + ModelConfiguration.normEpsilon).squareRoot()
            inverse[row] = scale
            for column in stride(from: 0, to: columns, by: laneWidth) {
                store(load(x, column) * scale * load(weight, column), y, column)
            }
        }
    }

    /// dx (N, C) += r w dy - x r³ / C sum(w dy x); dw (C) += sum over rows of r x dy
    package static func backward(
        inputGradient: UnsafeMutablePointer<Float>, weightGradient: UnsafeMutablePointer<Float>,
        outputGradient: UnsafePointer<Float>, input: UnsafePointer<Float>, inverse: UnsafePointer<Float>,
        weight: UnsafePointer<Float>, rows: Int, columns: Int
    ) {
        for row in 0..<rows {
            let x = input + row * columns
            let dy = outputGradient + row * columns
            let dx = inputGradient + row * columns
            let scale = inverse[row]
            var products = Lane.zero
            for column in stride(from: 0, to: columns, by: laneWidth) {
                products += load(x, column) * load(dy, column) * load(weight, column)
            }
            let pull = products.sum() * scale * scale * scale / Float(columns)
            for column in stride(from: 0, to: columns, by: laneWidth) {
                let value = load(x, column)
                let gradient = load(dy, column) * scale
                store(load(dx, column) + gradient * load(weight, column) - value * pull, dx, column)
                store(load(weightGradient, column) + gradient * value, weightGradient, column)
            }
        }
    }
}
