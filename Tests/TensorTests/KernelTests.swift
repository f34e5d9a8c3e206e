import CKernels
import Testing

@testable import Tensor

/// One compiled version of every kernel.
struct KernelPath: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let addDecayed: @Sendable (UnsafeMutablePointer<Float>, UnsafePointer<Float>, Float, Int) -> UInt32
    let topK: @Sendable (UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<UInt16>) -> Int
    let quantise:
        @Sendable (UnsafeMutablePointer<Float>, UnsafePointer<UInt16>, Int, UInt32, UnsafeMutablePointer<UInt8>) ->
            UInt32
    let splitBFloat16: @Sendable (UnsafeMutablePointer<UInt16>, UnsafeMutablePointer<Float>, Int) -> Void
    let fixedFromFloat: @Sendable (UnsafeMutablePointer<Int64>, UnsafePointer<Float>, Int) -> UInt32
    let addSparse:
        @Sendable (UnsafeMutablePointer<Int64>, UnsafePointer<UInt16>, UnsafePointer<Int16>, Int, Int64) -> Void
    let addDense: @Sendable (UnsafeMutablePointer<Int64>, UnsafePointer<Int64>, UInt32, Int) -> Void
    let countSparse: @Sendable (UnsafeMutablePointer<UInt32>, UnsafePointer<UInt16>, Int) -> Void
    let divideBySenders: @Sendable (UnsafeMutablePointer<Int64>, UnsafePointer<UInt32>, UInt32, Int) -> Void
    let outerStep: @Sendable (UnsafeMutablePointer<Float>, UnsafePointer<Int64>, Float, Int) -> UInt32
    let hadamard: @Sendable (UnsafeMutablePointer<Float>, Int) -> Void
    let floatFromSums: @Sendable (UnsafeMutablePointer<Float>, UnsafePointer<Int64>, Int) -> Void
    let sharedAdamW:
        @Sendable (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafePointer<Float>, Float, Float, Int) ->
            UInt32

    /// What this machine can run: the path that is dispatched to, and those below it.
    static var all: [KernelPath] {
        let dispatched = KernelPath(
            testDescription: "dispatched", addDecayed: mesh_add_decayed, topK: mesh_top_k, quantise: mesh_quantise,
            splitBFloat16: mesh_split_bfloat16, fixedFromFloat: mesh_fixed_from_float, addSparse: mesh_add_sparse,
            addDense: mesh_add_dense,
            countSparse: mesh_count_sparse, divideBySenders: mesh_divide_by_senders, outerStep: mesh_outer_step,
            hadamard: mesh_hadamard,
            floatFromSums: mesh_float_from_sums, sharedAdamW: mesh_shared_adamw)
        let baseline = KernelPath(
            testDescription: "baseline", addDecayed: mesh_add_decayed_baseline, topK: mesh_top_k_baseline,
            quantise: mesh_quantise_baseline, splitBFloat16: mesh_split_bfloat16_baseline,
            fixedFromFloat: mesh_fixed_from_float_baseline,
            addSparse: mesh_add_sparse_baseline, addDense: mesh_add_dense_baseline,
            countSparse: mesh_count_sparse_baseline, divideBySenders: mesh_divide_by_senders_baseline,
            outerStep: mesh_outer_step_baseline, hadamard: mesh_hadamard_baseline,
            floatFromSums: mesh_float_from_sums_baseline, sharedAdamW: mesh_shared_adamw_baseline)
        let v3 = KernelPath(
            testDescription: "x86-64-v3", addDecayed: mesh_add_decayed_v3, topK: mesh_top_k_v3,
            quantise: mesh_quantise_v3, splitBFloat16: mesh_split_bfloat16_v3, fixedFromFloat: mesh_fixed_from_float_v3,
            addSparse: mesh_add_sparse_v3,
            addDense: mesh_add_dense_v3, countSparse: mesh_count_sparse_v3,
            divideBySenders: mesh_divide_by_senders_v3, outerStep: mesh_outer_step_v3, hadamard: mesh_hadamard_v3,
            floatFromSums: mesh_float_from_sums_v3, sharedAdamW: mesh_shared_adamw_v3)
        return [dispatched, baseline] + (mesh_has_v3() != 0 ? [v3] : [])
    }
}

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

    @Test(arguments: KernelPath.all, 0..<8)
    func topK(path: KernelPath, seed: UInt64) {
        var random = TestRandom(seed)
        for values in Self.hardChunks(&random) {
            for k in [1, 6, 64, 100, 1024, 4096] {
                var fast = [UInt16](repeating: 0, count: 4096)
                var plain = fast
                let fastCount = path.topK(values, values.count, k, &fast)
                let plainCount = mesh_top_k_scalar(values, values.count, k, &plain)
                #expect(fast[..<fastCount] == plain[..<plainCount])
                #expect(plainCount == min(k, values.count { $0 != 0 }))
            }
        }
    }

    @Test(arguments: KernelPath.all, 0..<12)
    func quantise(path: KernelPath, seed: UInt64) {
        var random = TestRandom(seed)
        for values in Self.hardChunks(&random) {
            for (bits, kept) in [(1, 64), (2, 64), (2, 1024), (4, 64), (4, 4096), (8, 300)] as [(UInt32, Int)] {
                var indices = [UInt16](repeating: 0, count: 4096)
                let count = mesh_top_k(values, values.count, kept, &indices)
                var (fast, plain) = (values, values)
                var fastCodes = [UInt8](repeating: 0, count: 4096)
                var plainCodes = fastCodes
                let fastScale = path.quantise(&fast, indices, count, bits, &fastCodes)
                let plainScale = mesh_quantise_scalar(&plain, indices, count, bits, &plainCodes)
                #expect(fastScale == plainScale)
                #expect(fastCodes == plainCodes)
                #expect(fast.map(\.bitPattern) == plain.map(\.bitPattern))
            }
        }
    }

    @Test(arguments: KernelPath.all, 0..<4)
    func elementwise(path: KernelPath, seed: UInt64) {
        var random = TestRandom(seed)
        for count in [1, 3, 16, 31, 1000, 4096] {
            let first = (0..<count).map { _ in random.anyFinite() }
            let second = (0..<count).map { _ in random.anyFinite() }

            var (fast, plain) = (first, first)
            #expect(
                path.addDecayed(&fast, second, 0.95, count) == mesh_add_decayed_scalar(&plain, second, 0.95, count))
            #expect(fast.map(\.bitPattern) == plain.map(\.bitPattern))

            var (fastHalves, plainHalves) = ([UInt16](repeating: 0, count: count), [UInt16](repeating: 1, count: count))
            (fast, plain) = (second, second)
            path.splitBFloat16(&fastHalves, &fast, count)
            mesh_split_bfloat16_scalar(&plainHalves, &plain, count)
            #expect(fastHalves == plainHalves)
            #expect(fast.map(\.bitPattern) == plain.map(\.bitPattern))

            var fastFixed = [Int64](repeating: 0, count: count)
            var plainFixed = fastFixed
            #expect(
                path.fixedFromFloat(&fastFixed, first, count)
                    == mesh_fixed_from_float_scalar(&plainFixed, first, count))
            #expect(fastFixed == plainFixed)

            let multiplier = UInt32.random(in: 0...(1 << 30), using: &random)
            var fastSums = (0..<count).map { _ in Int64.random(in: -1 << 60...1 << 60, using: &random) }
            var plainSums = fastSums
            path.addDense(&fastSums, fastFixed, multiplier, count)
            mesh_add_dense_scalar(&plainSums, fastFixed, multiplier, count)
            #expect(fastSums == plainSums)

            let least = UInt32.random(in: 2...4096, using: &random)
            for bound in [least, 2 * least, least / 2, 65_535] {
                let counts = (0..<count).map { _ in UInt32.random(in: 0...bound, using: &random) }
                path.divideBySenders(&fastSums, counts, least, count)
                mesh_divide_by_senders_scalar(&plainSums, counts, least, count)
                #expect(fastSums == plainSums)
            }

            (fast, plain) = (second, second)
            #expect(
                path.outerStep(&fast, fastSums, 3.7, count) == mesh_outer_step_scalar(&plain, plainSums, 3.7, count))
            #expect(fast.map(\.bitPattern) == plain.map(\.bitPattern))
        }
    }

    @Test(arguments: KernelPath.all)
    func sharedStepOnRandomValues(path: KernelPath) {
        var random = TestRandom(71)
        for count in [1, 2, 4, 8, 16, 32, 64, 128, 1024, 2048, 4096] {
            for values in [random.pseudoGradient(count), (0..<count).map { _ in random.anyFinite() / 4096 }] {
                var (fast, plain) = (values, values)
                path.hadamard(&fast, count)
                mesh_hadamard_scalar(&plain, count)
                #expect(fast.map(\.bitPattern) == plain.map(\.bitPattern))
            }
        }
        for _ in 0..<20 {
            let count = Int.random(in: 1...5000, using: &random)
            let sums = (0..<count).map { _ in Int64.random(in: -1 << 60...1 << 60, using: &random) >> 13 }
            var (fast, plain) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
            path.floatFromSums(&fast, sums, count)
            mesh_float_from_sums_scalar(&plain, sums, count)
            #expect(fast.map(\.bitPattern) == plain.map(\.bitPattern))

            var direction = random.pseudoGradient(count)
            for index in direction.indices where index % 7 == 0 { direction[index] = 0 }
            var fastParameters = random.pseudoGradient(count)
            var fastSecond = random.pseudoGradient(count).map { abs($0) * ($0.bitPattern & 3 == 0 ? 0 : 1e-6) }
            var (plainParameters, plainSecond) = (fastParameters, fastSecond)
            let rate = Float.random(in: 0...1, using: &random)
            let keep = Float.random(in: 0.9...1, using: &random)
            #expect(
                path.sharedAdamW(&fastParameters, &fastSecond, direction, rate, keep, count)
                    == mesh_shared_adamw_scalar(&plainParameters, &plainSecond, direction, rate, keep, count))
            #expect(fastParameters.map(\.bitPattern) == plainParameters.map(\.bitPattern))
            #expect(fastSecond.map(\.bitPattern) == plainSecond.map(\.bitPattern))
        }
    }

    @Test("The Hadamard transform is orthonormal and its own inverse, up to rounding", arguments: KernelPath.all)
    func hadamardIsOrthonormal(path: KernelPath) {
        var random = TestRandom(72)
        for count in [1, 2, 4, 32, 64, 2048, 4096] {
            let values = random.pseudoGradient(count)
            var transformed = values
            path.hadamard(&transformed, count)
            func norm(_ values: [Float]) -> Double {
                values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            }
            #expect(abs(norm(transformed) - norm(values)) <= 1e-5 * norm(values))
            path.hadamard(&transformed, count)
            let difference = zip(values, transformed).map { $0 - $1 }
            #expect(norm(difference) <= 1e-5 * norm(values))
        }
        // A single value is spread evenly over the whole chunk.
        var one = [Float](repeating: 0, count: 4096)
        one[5] = 64
        path.hadamard(&one, 4096)
        #expect(one.allSatisfy { abs($0) == 1 })
    }

    @Test(arguments: KernelPath.all)
    func multipliersRoundHalfAwayFromZeroAtTheEdges(path: KernelPath) {
        let fixed: [Int64] = [1 << 50, -(1 << 50), 1, -1, 3, -3, 0]
        for multiplier: UInt32 in [0, 1, 1 << 29, 1 << 30, (1 << 30) - 1] {
            var fast = [Int64](repeating: 5, count: fixed.count)
            var plain = fast
            path.addDense(&fast, fixed, multiplier, fixed.count)
            mesh_add_dense_scalar(&plain, fixed, multiplier, fixed.count)
            #expect(fast == plain)
        }
    }

    @Test(arguments: KernelPath.all)
    func conversionRoundsTiesToEven(path: KernelPath) {
        let unit: Float = 0x1p-40
        let values: [Float] = [
            0.5 * unit, 1.5 * unit, 2.5 * unit, -0.5 * unit, -1.5 * unit, 1023.999, -1, .leastNonzeroMagnitude,
        ]
        var fixed = [Int64](repeating: 9, count: values.count)
        _ = path.fixedFromFloat(&fixed, values, values.count)
        #expect(Array(fixed[..<5]) == [0, 2, 2, 0, -2])
        #expect(fixed[6] == -(1 << 40))
        #expect(fixed[7] == 0)
    }

    /// The floats of a damaged dense payload, whatever they are: each path refuses the same and converts alike.
    @Test(arguments: KernelPath.all, 0..<4)
    func damagedDensePayload_isJudgedAndConvertedAlike(path: KernelPath, seed: UInt64) throws {
        var random = TestRandom(seed + 80)
        let layout = try TestLayouts.small()
        var residual = [Float](repeating: 0, count: layout.parameterCount)
        let payload = try ContributionEncoder.encode(
            layout: layout, profile: .denseFloat32, errorFeedback: .standard,
            delta: random.pseudoGradient(layout.parameterCount), residual: &residual
        ).payload
        var refused = 0
        for _ in 0..<200 {
            let bytes = damaged(payload, &random)
            let values = stride(from: 24, to: 24 + 4 * 4096, by: 4).map { place in
                Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) })
            }
            var fast = [Int64](repeating: 0, count: values.count)
            var plain = fast
            let largest = path.fixedFromFloat(&fast, values, values.count)
            #expect(largest == mesh_fixed_from_float_scalar(&plain, values, values.count))
            guard largest < FixedPoint.floatLimit.bitPattern else {
                refused += 1
                continue
            }
            #expect(fast == plain)
        }
        #expect((1..<200).contains(refused))
    }

    /// What a damaged top-k payload still says is added and applied alike by each path.
    @Test(arguments: KernelPath.all, 0..<4)
    func damagedTopKPayload_isAveragedAlike(path: KernelPath, seed: UInt64) throws {
        var random = TestRandom(seed + 90)
        let layout = try TestLayouts.small()
        let profile = CodecProfile.topK(kept: 200, bits: 4)
        var residual = [Float](repeating: 0, count: layout.parameterCount)
        let payload = try ContributionEncoder.encode(
            layout: layout, profile: profile, errorFeedback: .standard,
            delta: random.pseudoGradient(layout.parameterCount), residual: &residual
        ).payload
        let parameters = random.pseudoGradient(4097)
        var read = 0
        for _ in 0..<100 {
            let bytes = damaged(payload, &random)
            guard let contribution = try? Contribution(payload: MemoryPayload(bytes), layout: layout, profile: profile)
            else { continue }
            let decoder = SegmentDecoder(contribution)
            for index in 0..<layout.chunkCount {
                guard case .sparse(let indices, let levels, let unit)? = try? decoder.chunk(index),
                    let places = indices.baseAddress, let steps = levels.baseAddress
                else { continue }
                read += 1
                var fast = [Int64](repeating: 0, count: 4097)
                var plain = fast
                path.addSparse(&fast, places, steps, indices.count, unit)
                for entry in indices.indices { plain[Int(indices[entry])] += Int64(levels[entry]) * unit }
                #expect(fast == plain)
                var counts = [UInt32](repeating: 7, count: 4097)
                path.countSparse(&counts, places, indices.count)
                #expect(counts.indices.allSatisfy { counts[$0] == (plain[$0] != 0 ? 8 : 7) })
                var (fastNext, plainNext) = (parameters, parameters)
                #expect(
                    path.outerStep(&fastNext, fast, 3.7, 4097) == mesh_outer_step_scalar(&plainNext, plain, 3.7, 4097))
                #expect(fastNext.map(\.bitPattern) == plainNext.map(\.bitPattern))
            }
        }
        #expect(read > 100)
    }

    /// With up to three bytes behind the directory changed.
    private func damaged(_ payload: [UInt8], _ random: inout TestRandom) -> [UInt8] {
        var bytes = payload
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            bytes[Int.random(in: 24..<min(bytes.count, 24 + 4 * 4096), using: &random)] = UInt8.random(
                in: 0...255, using: &random)
        }
        return bytes
    }

    @Test(arguments: KernelPath.all)
    func aNotFiniteValueIsReported(path: KernelPath) {
        for bad in [Float.infinity, -.infinity, .nan, -.nan] {
            var values = [Float](repeating: 1, count: 100)
            var delta = values
            delta[77] = bad
            #expect(path.addDecayed(&values, delta, 0.95, 100) >= Float.infinity.bitPattern)
        }
    }
}
