import Tensor

/// Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/): the momentum of a matrix, with all its singular
/// values brought near one by Newton-Schulz steps, is the direction of the update.
///
/// Holds the scratch of the largest matrix. One thread.
final class Muon {
    static let momentum: Float = 0.95
    static let iterations = 5
    /// x (a + b x^2 + c x^4) takes singular values from 0 to 1 to about 0.7 to 1.2 in five steps.
    static let coefficients: (linear: Float, cubic: Float, quintic: Float) = (3.4445, -4.7750, 2.0315)
    /// Keeps a gradient of zeros from being divided by zero.
    static let epsilon = 1e-7

    /// (m, n) the direction, and what the next iteration makes of it
    private var direction: FloatBuffer
    private var next: FloatBuffer
    /// (r, r) the direction times itself transposed, r = min(m, n), and a polynomial of that
    private let gram: FloatBuffer
    private let polynomial: FloatBuffer

    init(matrices: [ParameterTensor]) {
        let largest = matrices.map(\.count).max() ?? 0
        let side = matrices.map { min($0.shape[0], $0.shape[1]) }.max() ?? 0
        direction = FloatBuffer(count: largest)
        next = FloatBuffer(count: largest)
        gram = FloatBuffer(count: side * side)
        polynomial = FloatBuffer(count: side * side)
    }

    /// Updates one matrix (m, n); all pointers are to its first value.
    ///
    /// - Parameters:
    ///   - clip: factor of the gradient.
    ///   - keep: factor of the parameters, for decay.
    func update(
        rows: Int, columns: Int, parameters p: UnsafeMutablePointer<Float>, gradient g: UnsafePointer<Float>,
        momentum m: UnsafeMutablePointer<Float>, learningRate: Double, clip: Float, keep: Float
    ) {
        let count = rows * columns
        // Nesterov's momentum: the direction looks one step ahead.
        for index in stride(from: 0, to: count, by: laneWidth) {
            let gradient = load(g, index) * clip
            let velocity = load(m, index) * Muon.momentum + gradient
            store(velocity, m, index)
            store(gradient + velocity * Muon.momentum, direction.pointer, index)
        }
        orthogonalize(rows: rows, columns: columns)
        // Of an (m, n) matrix with singular values of one, a row has the norm sqrt(min(1, n / m)): tall ones are scaled up.
        let shape = max(1, Double(rows) / Double(columns)).squareRoot()
        let step = Float(learningRate * shape)
        let d = direction.pointer
        for index in stride(from: 0, to: count, by: laneWidth) {
            store(load(p, index) * keep - load(d, index) * step, p, index)
        }
    }

    /// Brings the singular values of the direction near one.
    private func orthogonalize(rows: Int, columns: Int) {
        let count = rows * columns
        let norm = Optimizer.norm(UnsafeMutableBufferPointer(start: direction.pointer, count: count))
        let scale = Float(1 / (norm + Muon.epsilon))
        for index in stride(from: 0, to: count, by: laneWidth) {
            store(load(direction.pointer, index) * scale, direction.pointer, index)
        }
        for _ in 0..<Muon.iterations { iterate(rows: rows, columns: columns) }
    }

    /// X (m, n) -> a X + (b A + c A^2) X with A = X X^T where m <= n; a X + X (b A + c A^2) with A = X^T X elsewhere.
    private func iterate(rows: Int, columns: Int) {
        let isWide = rows <= columns
        let side = min(rows, columns)
        let (a, b, c) = Muon.coefficients
        let x = direction.pointer
        if isWide {
            MatrixProduct.multiplyTransposedRight(
                gram.pointer, stride: side, x, stride: columns, x, stride: columns, rows: side, columns: side,
                inner: columns)
        } else {
            MatrixProduct.multiplyTransposedLeft(
                gram.pointer, stride: side, x, stride: columns, x, stride: columns, rows: side, columns: side,
                inner: rows)
        }
        polynomial.pointer.update(from: gram.pointer, count: side * side)
        MatrixProduct.multiply(
            polynomial.pointer, stride: side, gram.pointer, stride: side, gram.pointer, stride: side, rows: side,
            columns: side, inner: side, scale: c, keep: b)
        next.pointer.update(from: x, count: rows * columns)
        if isWide {
            MatrixProduct.multiply(
                next.pointer, stride: columns, polynomial.pointer, stride: side, x, stride: columns, rows: rows,
                columns: columns, inner: side, keep: a)
        } else {
            MatrixProduct.multiply(
                next.pointer, stride: columns, x, stride: columns, polynomial.pointer, stride: side, rows: rows,
                columns: columns, inner: side, keep: a)
        }
        swap(&direction, &next)
    }
}
