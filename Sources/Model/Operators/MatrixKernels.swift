import CBLAS
import CKernels
import Glibc

/// Which kernels OpenBLAS runs. It chooses them by the processor's model number, when it is loaded. A release that is older
/// than the processor takes those for SSE3, which need three times as long (OpenBLAS 0.3.21 on Xeons of 2024), or those for
/// AVX2 where there is AVX-512, which need twice as long (on Zen 4 and 5).
package enum MatrixKernels {
    /// The environment variable by which OpenBLAS is told otherwise.
    package static let variable = "OPENBLAS_CORETYPE"

    /// What to set the variable to before the next start; nil if the choice is right, or the user's own.
    package static var betterCore: String? {
        guard getenv(variable) == nil, let name = openblas_get_corename() else { return nil }
        return betterCore(than: String(cString: name), hasAVX2: mesh_has_v3() != 0, hasAVX512: mesh_has_v4() != 0)
    }

    /// - Parameter name: the core that OpenBLAS took. Names as in its `driver/others/dynamic.c`.
    static func betterCore(than name: String, hasAVX2: Bool, hasAVX512: Bool) -> String? {
        switch name.lowercased() {
        case "prescott", "core2", "generic": hasAVX512 ? "SkylakeX" : hasAVX2 ? "Haswell" : nil
        case "haswell", "zen": hasAVX512 ? "SkylakeX" : nil
        default: nil
        }
    }
}
