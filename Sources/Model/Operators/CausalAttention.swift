import Glibc

/// Causal multi-head attention. Scores are not kept: the backward pass computes them again from the logarithm of each
/// row's sum (Dao et al. 2022), so memory stays linear in the context. Work goes in blocks of rows, which skips most of
/// the half above the diagonal.
package struct CausalAttention {
    package let positions: Int
    package let heads: Int
    package let headSize: Int
    private let probabilities: FloatBuffer
    private let probabilityGradients: FloatBuffer

    private static let blockRows = 64

    package init(positions: Int, heads: Int, headSize: Int) {
        precondition(positions % laneWidth == 0 && headSize % laneWidth == 0)
        self.positions = positions
        self.heads = heads
        self.headSize = headSize
        probabilities = FloatBuffer(count: CausalAttention.blockRows * positions)
        probabilityGradients = FloatBuffer(count: CausalAttention.blockRows * positions)
    }

    private var width: Int { heads * headSize }
    private var scale: Float { 1 / Float(headSize).squareRoot() }

    /// o (B, T, C), logSums (B, heads, T) from qkv (B, T, 3C): query, key, value side by side in a row
    package func forward(
        output: UnsafeMutablePointer<Float>, logSums: UnsafeMutablePointer<Float>,
        queryKeyValue: UnsafePointer<Float>, sequences: Int
    ) {
        let p = probabilities.pointer
        for sequence in 0..<sequences {
            for head in 0..<heads {
                let query = queryKeyValue + sequence * positions * 3 * width + head * headSize
                let key = query + width
                let value = key + width
                let o = output + sequence * positions * width + head * headSize
                let sums = logSums + (sequence * heads + head) * positions
                for start in stride(from: 0, to: positions, by: CausalAttention.blockRows) {
                    let end = min(positions, start + CausalAttention.blockRows)
                    // p (rows, end) = scale x q (rows, D) x k (end, D)ᵀ
                    MatrixProduct.multiplyTransposedRight(
                        p, stride: positions, query + start * 3 * width, stride: 3 * width, key, stride: 3 * width,
                        rows: end - start, columns: end, inner: headSize, scale: scale)
                    for row in start..<end {
                        sums[row] = softmax(p + (row - start) * positions, last: row, columns: end)
                    }
                    // o (rows, D) = p (rows, end) x v (end, D)
                    MatrixProduct.multiply(
                        o + start * width, stride: width, p, stride: positions, value, stride: 3 * width,
                        rows: end - start, columns: headSize, inner: end)
                }
            }
        }
    }

    /// dqkv (B, T, 3C) from do, o (B, T, C), qkv (B, T, 3C), logSums (B, heads, T)
    package func backward(
        queryKeyValueGradient: UnsafeMutablePointer<Float>, outputGradient: UnsafePointer<Float>,
        output: UnsafePointer<Float>, logSums: UnsafePointer<Float>, queryKeyValue: UnsafePointer<Float>,
        sequences: Int
    ) {
        queryKeyValueGradient.update(repeating: 0, count: sequences * positions * 3 * width)
        let p = probabilities.pointer
        let dp = probabilityGradients.pointer
        for sequence in 0..<sequences {
            for head in 0..<heads {
                let at = sequence * positions * 3 * width + head * headSize
                let query = queryKeyValue + at
                let key = query + width
                let value = key + width
                let queryGradient = queryKeyValueGradient + at
                let keyGradient = queryGradient + width
                let valueGradient = keyGradient + width
                let o = output + sequence * positions * width + head * headSize
                let gradient = outputGradient + sequence * positions * width + head * headSize
                let sums = logSums + (sequence * heads + head) * positions
                for start in stride(from: 0, to: positions, by: CausalAttention.blockRows) {
                    let end = min(positions, start + CausalAttention.blockRows)
                    let rows = end - start
                    let blockGradient = gradient + start * width
                    MatrixProduct.multiplyTransposedRight(
                        p, stride: positions, query + start * 3 * width, stride: 3 * width, key, stride: 3 * width,
                        rows: rows, columns: end, inner: headSize, scale: scale)
                    // dp (rows, end) = do (rows, D) x v (end, D)ᵀ
                    MatrixProduct.multiplyTransposedRight(
                        dp, stride: positions, blockGradient, stride: width, value, stride: 3 * width, rows: rows,
                        columns: end, inner: headSize)
                    for row in start..<end {
                        var products = Lane.zero
                        for column in stride(from: 0, to: headSize, by: laneWidth) {
                            products += load(gradient + row * width, column) * load(o + row * width, column)
                        }
                        scoreGradient(
                            p + (row - start) * positions, dp + (row - start) * positions, last: row, columns: end,
                            logSum: sums[row], weighted: products.sum())
                    }
                    // dv (end, D) += pᵀ (end, rows) x do (rows, D)
                    MatrixProduct.multiplyTransposedLeft(
                        valueGradient, stride: 3 * width, p, stride: positions, blockGradient, stride: width,
                        rows: end, columns: headSize, inner: rows, keep: 1)
                    // dq (rows, D) = ds (rows, end) x k (end, D)
                    MatrixProduct.multiply(
                        queryGradient + start * 3 * width, stride: 3 * width, dp, stride: positions, key,
                        stride: 3 * width, rows: rows, columns: headSize, inner: end)
                    // dk (end, D) += dsᵀ (end, rows) x q (rows, D)
                    MatrixProduct.multiplyTransposedLeft(
                        keyGradient, stride: 3 * width, dp, stride: positions, query + start * 3 * width,
                        stride: 3 * width, rows: end, columns: headSize, inner: rows, keep: 1)
                }
            }
        }
    }

    /// Scores of positions after `last` become so low that their exponential is zero.
    @inline(__always)
    private func mask(_ row: UnsafeMutablePointer<Float>, last: Int, columns: Int) {
        for column in last + 1..<max(columns, last + 1) { row[column] = -1e30 }
    }

    /// Turns a row of scores into probabilities; returns the logarithm of the sum of their exponentials.
    @inline(__always)
    private func softmax(_ row: UnsafeMutablePointer<Float>, last: Int, columns: Int) -> Float {
        mask(row, last: last, columns: columns)
        var highest = Lane(repeating: -1e30)
        for column in stride(from: 0, to: columns, by: laneWidth) {
            let value = load(row, column)
            highest.replace(with: value, where: value .> highest)
        }
        let maximum = highest.max()
        var total = Lane.zero
        for column in stride(from: 0, to: columns, by: laneWidth) {
            let value = exponential(load(row, column) - maximum)
            total += value
            store(value, row, column)
        }
        let sum = total.sum()
        let inverse = 1 / sum
        for column in stride(from: 0, to: columns, by: laneWidth) {
            store(load(row, column) * inverse, row, column)
        }
        return maximum + Float(log(Double(sum)))
    }

    /// p = exp(score - logSum); ds = p (dp - weighted) scale, in place of dp.
    @inline(__always)
    private func scoreGradient(
        _ row: UnsafeMutablePointer<Float>, _ gradient: UnsafeMutablePointer<Float>, last: Int, columns: Int,
        logSum: Float, weighted: Float
    ) {
        mask(row, last: last, columns: columns)
        for column in stride(from: 0, to: columns, by: laneWidth) {
            let probability = exponential(load(row, column) - logSum)
            store(probability, row, column)
            store(probability * (load(gradient, column) - weighted) * scale, gradient, column)
        }
    }
}
