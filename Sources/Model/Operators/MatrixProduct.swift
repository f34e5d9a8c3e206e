import CBLAS

/// Row-major single-precision matrix products on OpenBLAS, one thread. All matrices carry their row stride (leading
/// dimension), so heads and padded rows need no copies.
package enum MatrixProduct {
    /// Every trainer computes on one thread: several run on one machine, and the bits must not depend on a thread count.
    private static let oneThread: Void = openblas_set_num_threads(1)

    /// C (m, n) = scale x A (m, k) x B (k, n) + keep x C
    static func multiply(
        _ output: UnsafeMutablePointer<Float>, stride outputStride: Int,
        _ left: UnsafePointer<Float>, stride leftStride: Int,
        _ right: UnsafePointer<Float>, stride rightStride: Int,
        rows: Int, columns: Int, inner: Int, scale: Float = 1, keep: Float = 0
    ) {
        _ = oneThread
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows), blasint(columns), blasint(inner), scale, left,
            blasint(leftStride), right, blasint(rightStride), keep, output, blasint(outputStride))
    }

    /// C (m, n) = scale x A (m, k) x B (n, k) transposed + keep x C
    static func multiplyTransposedRight(
        _ output: UnsafeMutablePointer<Float>, stride outputStride: Int,
        _ left: UnsafePointer<Float>, stride leftStride: Int,
        _ right: UnsafePointer<Float>, stride rightStride: Int,
        rows: Int, columns: Int, inner: Int, scale: Float = 1, keep: Float = 0
    ) {
        _ = oneThread
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows), blasint(columns), blasint(inner), scale, left,
            blasint(leftStride), right, blasint(rightStride), keep, output, blasint(outputStride))
    }

    /// C (m, n) = scale x A (k, m) transposed x B (k, n) + keep x C
    static func multiplyTransposedLeft(
        _ output: UnsafeMutablePointer<Float>, stride outputStride: Int,
        _ left: UnsafePointer<Float>, stride leftStride: Int,
        _ right: UnsafePointer<Float>, stride rightStride: Int,
        rows: Int, columns: Int, inner: Int, scale: Float = 1, keep: Float = 0
    ) {
        _ = oneThread
        cblas_sgemm(
            CblasRowMajor, CblasTrans, CblasNoTrans, blasint(rows), blasint(columns), blasint(inner), scale, left,
            blasint(leftStride), right, blasint(rightStride), keep, output, blasint(outputStride))
    }
}
