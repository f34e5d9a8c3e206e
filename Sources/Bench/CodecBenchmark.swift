import ArgumentParser
import Compression
import Glibc
import Gossip
import Ledger
import Tensor

/// Size and speed of the top-k codec on one thread, beside memcpy and the entropy bound.
struct CodecBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "codec", abstract: "Bytes per parameter and encoding speed at k = 64 of 4096, 2 bits.")

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: "Millions of parameters.")
    var millions = 16

    @Option(help: "Rounds of error feedback before the last one; the fastest one counts for speed.")
    var rounds = 7

    func validate() throws {
        guard (1...1024).contains(millions), (0...100).contains(rounds) else {
            throw ValidationError("--millions is 1 to 1024, --rounds 0 to 100")
        }
    }

    func run() throws {
        let layout = try Self.layout(millions: millions)
        let encoder = SegmentEncoder(layout: layout, profile: .standard, errorFeedback: .standard)
        let delta = UnsafeMutableBufferPointer<Float>.allocate(capacity: layout.parameterCount)
        let residual = UnsafeMutableBufferPointer<Float>.allocate(capacity: layout.parameterCount)
        defer {
            delta.deallocate()
            residual.deallocate()
        }
        residual.initialize(repeating: 0)
        var noise = HeavyTailedNoise(seed: 7)
        var payload: [UInt8] = []
        var seconds = Double.infinity
        for _ in 0...rounds {
            noise.fill(delta)
            let clock = ContinuousClock()
            let start = clock.now
            let segments = try encodeAll(encoder, delta: delta, residual: residual)
            seconds = min(seconds, (clock.now - start) / .seconds(1))
            payload = Self.payload(of: segments, layout: layout)
        }
        let floatGigabytes = 4e-9 * Double(layout.parameterCount)
        let transit = Transit(of: payload)
        let figures = Figures(
            bytesPerParameter: Double(payload.count) / Double(layout.parameterCount),
            linkBytesPerParameter: Double(transit.bytes) / Double(layout.parameterCount),
            encodeGigabytesPerSecond: floatGigabytes / seconds,
            decodeGigabytesPerSecond: floatGigabytes / (try Self.decodeSeconds(payload, layout: layout)),
            compressMegabytesPerSecond: 1e-6 * Double(payload.count) / transit.compressSeconds,
            decompressMegabytesPerSecond: 1e-6 * Double(payload.count) / transit.decompressSeconds,
            memcpyGigabytesPerSecond: Self.memcpyGigabytesPerSecond(from: delta, to: residual),
            entropyBytesPerParameter: Self.entropyBytesPerParameter(kept: 64, chunk: 4096, bits: 2))
        print(json ? figures.json : figures.text)
    }

    private func encodeAll(
        _ encoder: SegmentEncoder, delta: UnsafeMutableBufferPointer<Float>,
        residual: UnsafeMutableBufferPointer<Float>
    ) throws -> [[UInt8]] {
        try (0..<encoder.layout.segmentCount).map { segment in
            let range = encoder.layout.parameters(ofSegment: segment)
            return try encoder.encode(
                segment: segment, delta: UnsafeBufferPointer(rebasing: delta[range]),
                residual: UnsafeMutableBufferPointer(rebasing: residual[range])
            ).bytes
        }
    }

    private static func payload(of segments: [[UInt8]], layout: ParameterLayout) -> [UInt8] {
        ContributionEncoder.front(segmentSizes: segments.map(\.count), layout: layout, profile: .standard)
            + segments.joined()
    }

    /// Decodes everything with every check, as validation does; the fastest of three times.
    private static func decodeSeconds(_ payload: [UInt8], layout: ParameterLayout) throws -> Double {
        let clock = ContinuousClock()
        var best = Double.infinity
        for _ in 0..<3 {
            let start = clock.now
            _ = try Tensor.Contribution(payload: MemoryPayload(payload), layout: layout, profile: .standard).measure()
            best = min(best, (clock.now - start) / .seconds(1))
        }
        return best
    }

    /// Decoder layers of the usual proportions: four attention and three feed-forward matrices, two norms each.
    private static func layout(millions: Int) throws -> ParameterLayout {
        var tensors: [(name: String, shape: [Int])] = []
        var layer = 0
        var left = millions * 1_000_000
        while left > 0 {
            for (name, shape) in [
                ("q", [512, 512]), ("k", [512, 512]), ("v", [512, 512]), ("o", [512, 512]), ("gate", [1408, 512]),
                ("up", [1408, 512]), ("down", [512, 1408]), ("attention_norm", [512]), ("feed_forward_norm", [512]),
            ] where left > 0 {
                tensors.append(("layers.\(layer).\(name)", shape))
                left -= shape.reduce(1, *)
            }
            layer += 1
        }
        return try ParameterLayout(tensors)
    }

    private static func memcpyGigabytesPerSecond(
        from source: UnsafeMutableBufferPointer<Float>, to target: UnsafeMutableBufferPointer<Float>
    ) -> Double {
        let bytes = 4 * source.count
        guard let from = source.baseAddress, let to = target.baseAddress else { return 0 }
        let clock = ContinuousClock()
        var best = Double.infinity
        for _ in 0..<5 {
            let start = clock.now
            memcpy(to, from, bytes)
            best = min(best, (clock.now - start) / .seconds(1))
        }
        return 1e-9 * Double(bytes) / best
    }

    /// What indices and values cost at least where each parameter is sent with the same chance and each value is equally
    /// likely: the entropy of the positions, and the bits of the values. Scales are not in it. (That exactly `kept` are
    /// sent makes a subset 1 % cheaper, and real values are not equally likely: a good coder may end below this.)
    private static func entropyBytesPerParameter(kept: Int, chunk: Int, bits: Int) -> Double {
        let share = Double(kept) / Double(chunk)
        let positions = -share * log2(share) - (1 - share) * log2(1 - share)
        return (positions + share * Double(bits)) / 8
    }
}

/// What the benchmark found.
private struct Figures {
    let bytesPerParameter: Double
    let linkBytesPerParameter: Double
    let encodeGigabytesPerSecond: Double
    let decodeGigabytesPerSecond: Double
    let compressMegabytesPerSecond: Double
    let decompressMegabytesPerSecond: Double
    let memcpyGigabytesPerSecond: Double
    let entropyBytesPerParameter: Double

    var json: String {
        """
        {"bytes_per_parameter_k64_2bit": \(bytesPerParameter), \
        "link_bytes_per_parameter_k64_2bit": \(linkBytesPerParameter), \
        "encode_gb_per_s": \(encodeGigabytesPerSecond), "decode_gb_per_s": \(decodeGigabytesPerSecond), \
        "compress_mb_per_s": \(compressMegabytesPerSecond), "decompress_mb_per_s": \(decompressMegabytesPerSecond), \
        "memcpy_gb_per_s": \(memcpyGigabytesPerSecond), "entropy_bytes_per_parameter": \(entropyBytesPerParameter)}
        """
    }

    var text: String {
        """
        payload \(rounded(bytesPerParameter, 5)) bytes per parameter
        on link \(rounded(linkBytesPerParameter, 5)) bytes per parameter, \
        \(rounded(linkBytesPerParameter / entropyBytesPerParameter, 3)) of the entropy bound \
        \(rounded(entropyBytesPerParameter, 5)), \(rounded(linkBytesPerParameter / 4, 5)) of float32
        encode  \(rounded(encodeGigabytesPerSecond, 2)) GB/s of float32, \
        \(rounded(encodeGigabytesPerSecond / memcpyGigabytesPerSecond, 3)) of memcpy \
        (\(rounded(memcpyGigabytesPerSecond, 1)) GB/s), one thread
        decode  \(rounded(decodeGigabytesPerSecond, 2)) GB/s of float32, one thread
        pieces  \(rounded(compressMegabytesPerSecond, 0)) MB/s of payload to frames, \
        \(rounded(decompressMegabytesPerSecond, 0)) MB/s back, one thread
        """
    }

    private func rounded(_ value: Double, _ digits: Int) -> String {
        let factor = pow(10, Double(digits))
        return "\((value * factor).rounded() / factor)"
    }
}

/// Numbers with the tails of real pseudo-gradients: a normal times a log-normal, about 1e-3 in size.
private struct HeavyTailedNoise {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// SplitMix64, as a number in (0, 1].
    private mutating func uniform() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        word ^= word >> 31
        return (Double(word >> 11) + 1) * 0x1p-53
    }

    mutating func fill(_ buffer: UnsafeMutableBufferPointer<Float>) {
        for index in buffer.indices {
            let radius = (-2 * log(uniform())).squareRoot()
            let angle = 2 * Double.pi * uniform()
            buffer[index] = Float(1e-3 * radius * cos(angle) * exp(0.7 * radius * sin(angle)))
        }
    }
}
