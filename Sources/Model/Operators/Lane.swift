/// The vector type of the elementwise loops. All widths that they run over are multiples of `laneWidth`.
typealias Lane = SIMD8<Float>
package let laneWidth = 8

@inline(__always)
func load(_ pointer: UnsafePointer<Float>, _ index: Int) -> Lane {
    UnsafeRawPointer(pointer + index).loadUnaligned(as: Lane.self)
}

@inline(__always)
func load(_ pointer: UnsafeMutablePointer<Float>, _ index: Int) -> Lane {
    UnsafeRawPointer(pointer + index).loadUnaligned(as: Lane.self)
}

@inline(__always)
func store(_ value: Lane, _ pointer: UnsafeMutablePointer<Float>, _ index: Int) {
    UnsafeMutableRawPointer(pointer + index).storeBytes(of: value, as: Lane.self)
}

/// e^x per lane, relative error below 2e-7 (polynomial of Cephes' expf); zero below -87, held at e^88 above 88.
@inline(__always)
func exponential(_ input: Lane) -> Lane {
    let underflow = input .< Lane(repeating: -87)
    let value = input.replacing(with: -87, where: underflow).replacing(with: 88, where: input .> Lane(repeating: 88))
    // Adding 1.5 x 2^23 rounds to an integer and leaves it in the low bits of the word.
    let rounding: Float = 12_582_912
    let shifted = value * 1.442_695_04 + rounding
    let whole = shifted - rounding
    let rest = (value - whole * 0.693_359_375) + whole * 2.121_944_4e-4
    var sum = rest * 1.987_569_15e-4 + 1.398_199_950_7e-3
    sum = sum * rest + 8.333_451_907_3e-3
    sum = sum * rest + 4.166_579_589_4e-2
    sum = sum * rest + 1.666_666_545_9e-1
    sum = sum * rest + 5.000_000_120_1e-1
    let mantissa = sum * rest * rest + rest + 1
    let power =
        (unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- Int32(bitPattern: rounding.bitPattern))
        &<< SIMD8(
            repeating: 23)
    let result = unsafeBitCast(unsafeBitCast(mantissa, to: SIMD8<Int32>.self) &+ power, to: Lane.self)
    return result.replacing(with: 0, where: underflow)
}
