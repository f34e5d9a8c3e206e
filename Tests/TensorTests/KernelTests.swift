import CKernels
import Testing

@testable import Tensor

@Suite("Kernels give the bits of their scalar definitions")
struct KernelTests {
    /// Chunks that are hard to select from or to quantise.
    static func hardChunks(_ random: inout TestRandom) -> [[Float]] {
        let count = [1, 2, 7, 63, 64, 65, 1000, 4095, 4096].randomElement(using: &random)!
        let noise = random.pseudoGradient(count)
        return [
            noise,
            noise.map { Float(bitPattern: $0.bitPattern & 0xFFFF_0000) },
            (0..<count).map { _ in random.anyFinite() },
            (0..<count).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) & 0x807F_FFFF) },
            [Float](repeating: -0.25, count: count),
            [Float](repeating: -0.0, count: count),
            (0..<count).map { $0 % 3 == 0 ? 0 : ($0 % 3 == 1 ? 1e-3 : -1e-3) },
            (0..<count).map { $0 == count / 2 ? 100 : -0.0 },
            (0..<count).map { Float($0) * 1e-5 },
        ]
    }

    @Test(arguments: 0..<12)
    func topK(seed: UInt64) {
        var random = TestRandom(seed)
        for values in Self.hardChunks(&random) {
            for k in [1, 6, 64, 100, 4096] {
                var fast = [UInt16](repeating: 0, count: 4096)
                var plain = fast
                let fastCount = mesh_top_k(values, values.count, k, &fast)
                let plainCount = mesh_top_k_scalar(values, values.count, k, &plain)
                #expect(fast[..<fastCount] == plain[..<plainCount])
                #expect(plainCount == min(k, values.count { $0 != 0 }))
            }
        }
    }

    @Test(arguments: 0..<20)
    func quantise(seed: UInt64) {
        var random = TestRandom(seed)
        for values in Self.hardChunks(&random) {
            for bits: UInt32 in [2, 4] {
                var indices = [UInt16](repeating: 0, count: 4096)
                let count = mesh_top_k(values, values.count, 64, &indices)
                var (fast, plain) = (values, values)
                var fastCodes = [UInt8](repeating: 0, count: 4096)
                var plainCodes = fastCodes
                let fastScale = mesh_quantise(&fast, indices, count, bits, &fastCodes)
                let plainScale = mesh_quantise_scalar(&plain, indices, count, bits, &plainCodes)
                #expect(fastScale == plainScale)
                #expect(fastCodes == plainCodes)
                #expect(fast.map(\.bitPattern) == plain.map(\.bitPattern))
            }
        }
    }

    @Test(arguments: 0..<4)
    func elementwise(seed: UInt64) {
        var random = TestRandom(seed)
        for count in [1, 3, 16, 31, 1000, 4096] {
            let first = (0..<count).map { _ in random.anyFinite() }
            let second = (0..<count).map { _ in random.anyFinite() }

            var (fast, plain) = (first, first)
            #expect(
                mesh_add_decayed(&fast, second, 0.95, count) == mesh_add_decayed_scalar(&plain, second, 0.95, count))
            #expect(fast.map(\.bitPattern) == plain.map(\.bitPattern))

            var fastFixed = [Int64](repeating: 0, count: count)
            var plainFixed = fastFixed
            #expect(
                mesh_fixed_from_float(&fastFixed, first, count)
                    == mesh_fixed_from_float_scalar(&plainFixed, first, count))
            #expect(fastFixed == plainFixed)

            let multiplier = UInt32.random(in: 0...(1 << 30), using: &random)
            var fastSums = (0..<count).map { _ in Int64.random(in: -1 << 60...1 << 60, using: &random) }
            var plainSums = fastSums
            mesh_add_dense(&fastSums, fastFixed, multiplier, count)
            mesh_add_dense_scalar(&plainSums, fastFixed, multiplier, count)
            #expect(fastSums == plainSums)

            (fast, plain) = (second, second)
            #expect(
                mesh_outer_step(&fast, fastSums, 3.7, count) == mesh_outer_step_scalar(&plain, plainSums, 3.7, count))
            #expect(fast.map(\.bitPattern) == plain.map(\.bitPattern))
        }
    }

    @Test
    func multipliersRoundHalfAwayFromZeroAtTheEdges() {
        let fixed: [Int64] = [1 << 50, -(1 << 50), 1, -1, 3, -3, 0]
        for multiplier: UInt32 in [0, 1, 1 << 29, 1 << 30, (1 << 30) - 1] {
            var fast = [Int64](repeating: 5, count: fixed.count)
            var plain = fast
            mesh_add_dense(&fast, fixed, multiplier, fixed.count)
            mesh_add_dense_scalar(&plain, fixed, multiplier, fixed.count)
            #expect(fast == plain)
        }
    }

    @Test
    func conversionRoundsTiesToEven() {
        let unit: Float = 0x1p-40
        let values: [Float] = [
            0.5 * unit, 1.5 * unit, 2.5 * unit, -0.5 * unit, -1.5 * unit, 1023.999, -1, .leastNonzeroMagnitude,
        ]
        var fixed = [Int64](repeating: 9, count: values.count)
        _ = mesh_fixed_from_float(&fixed, values, values.count)
        #expect(Array(fixed[..<5]) == [0, 2, 2, 0, -2])
        #expect(fixed[6] == -(1 << 40))
        #expect(fixed[7] == 0)
    }

    @Test
    func aNotFiniteValueIsReported() {
        for bad in [Float.infinity, -.infinity, .nan, -.nan] {
            var values = [Float](repeating: 1, count: 100)
            var delta = values
            delta[77] = bad
            #expect(mesh_add_decayed(&values, delta, 0.95, 100) >= Float.infinity.bitPattern)
        }
    }
}
