import Glibc

/// The C library's functions, apart from the module under test.
enum FloatingPointReference {
    static func exponential(_ value: Double) -> Double { exp(value) }
}
