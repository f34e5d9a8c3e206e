/// SwiGLU (Shazeer 2020): h = silu(g) u, silu(g) = g sigmoid(g).
package enum GatedUnit {
    /// h (N, F) from gu (N, 2F): gate in the first half of a row, up in the second
    package static func forward(
        output: UnsafeMutablePointer<Float>, gateUp: UnsafePointer<Float>, rows: Int, columns: Int
    ) {
        for row in 0..<rows {
            let gate = gateUp + row * 2 * columns
            let up = gate + columns
            let h = output + row * columns
            for column in stride(from: 0, to: columns, by: laneWidth) {
                let g = load(gate, column)
                store(g / (1 + exponential(-g)) * load(up, column), h, column)
            }
        }
    }

    /// dgu (N, 2F) from dh (N, F), gu (N, 2F): du = dh silu(g); dg = dh u s (1 + g (1 - s)), s = sigmoid(g)
    package static func backward(
        gateUpGradient: UnsafeMutablePointer<Float>, outputGradient: UnsafePointer<Float>,
        gateUp: UnsafePointer<Float>, rows: Int, columns: Int
    ) {
        for row in 0..<rows {
            let gate = gateUp + row * 2 * columns
            let up = gate + columns
            let gateGradient = gateUpGradient + row * 2 * columns
            let upGradient = gateGradient + columns
            let dh = outputGradient + row * columns
            for column in stride(from: 0, to: columns, by: laneWidth) {
                let g = load(gate, column)
                let gradient = load(dh, column)
                let sigmoid = 1 / (1 + exponential(-g))
                store(gradient * g * sigmoid, upGradient, column)
                store(gradient * load(up, column) * sigmoid * (1 + g * (1 - sigmoid)), gateGradient, column)
            }
        }
    }
}
