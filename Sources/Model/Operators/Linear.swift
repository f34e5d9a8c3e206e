/// y = x Wᵀ without bias; W as in the Hugging Face file.
package enum Linear {
    /// y (N, O) = x (N, I) x W (O, I)ᵀ, added to what y holds where `accumulate`.
    package static func forward(
        output: UnsafeMutablePointer<Float>, input: UnsafePointer<Float>, weight: UnsafePointer<Float>, rows: Int,
        inputs: Int, outputs: Int, accumulate: Bool = false
    ) {
        MatrixProduct.multiplyTransposedRight(
            output, stride: outputs, input, stride: inputs, weight, stride: inputs, rows: rows, columns: outputs,
            inner: inputs, keep: accumulate ? 1 : 0)
    }

    /// dx (N, I) = dy (N, O) x W (O, I); dW (O, I) += dyᵀ (O, N) x x (N, I)
    package static func backward(
        inputGradient: UnsafeMutablePointer<Float>, weightGradient: UnsafeMutablePointer<Float>,
        outputGradient: UnsafePointer<Float>, input: UnsafePointer<Float>, weight: UnsafePointer<Float>, rows: Int,
        inputs: Int, outputs: Int
    ) {
        MatrixProduct.multiply(
            inputGradient, stride: inputs, outputGradient, stride: outputs, weight, stride: inputs, rows: rows,
            columns: inputs, inner: outputs)
        MatrixProduct.multiplyTransposedLeft(
            weightGradient, stride: inputs, outputGradient, stride: outputs, input, stride: inputs, rows: outputs,
            columns: inputs, inner: rows, keep: 1)
    }
}
