import ArgumentParser
import Compression
import Glibc
import Gossip
import Ledger
import Tensor

/// Size and speed of the top-k codec on one thread, beside memcpy and the entropy of what is sent.
struct CodecBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "codec", abstract: "Bytes per parameter and encoding speed of a top-k profile.")

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: "Values kept of 4096.")
    var kept = 64

    @Option(help: "Bits of a kept value: 1, 2, 4 or 8.")
    var bits = 2

    @Option(help: "Millions of parameters.")
    var millions = 16

    @Option(help: "Rounds of error feedback before the last one; the fastest one counts for speed.")
    var rounds = 7

    func validate() throws {
        guard (1...1024).contains(millions), (0...100).contains(rounds) else {
            throw ValidationError("--millions is 1 to 1024, --rounds 0 to 100")
        }
        guard profile.isValid else { throw ValidationError("--kept is 1 to 4096, --bits 1, 2, 4 or 8") }
    }

    private var profile: CodecProfile { .topK(kept: kept, bits: bits) }

    func run() throws {
        let layout = try Self.layout(millions: millions)
        let encoder = SegmentEncoder(layout: layout, profile: profile, errorFeedback: .standard)
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
            payload =
                ContributionEncoder.front(segmentSizes: segments.map(\.count), layout: layout, profile: profile)
                + segments.joined()
        }
        let floatGigabytes = 4e-9 * Double(layout.parameterCount)
        let transit = Transit(of: payload)
        let contribution = try Tensor.Contribution(payload: MemoryPayload(payload), layout: layout, profile: profile)
        let figures = Figures(
            bytesPerParameter: Double(payload.count) / Double(layout.parameterCount),
            linkBytesPerParameter: Double(transit.bytes) / Double(layout.parameterCount),
            encodeGigabytesPerSecond: floatGigabytes / seconds,
            decodeGigabytesPerSecond: floatGigabytes / (try Self.decodeSeconds(contribution)),
            compressMegabytesPerSecond: 1e-6 * Double(payload.count) / transit.compressSeconds,
            decompressMegabytesPerSecond: 1e-6 * Double(payload.count) / transit.decompressSeconds,
            memcpyGigabytesPerSecond: Self.memcpyGigabytesPerSecond(from: delta, to: residual),
            entropyBytesPerParameter: try Self.entropyBytesPerParameter(contribution))
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

    /// Decodes everything with every check, as validation does; the fastest of three times.
    private static func decodeSeconds(_ contribution: Tensor.Contribution) throws -> Double {
        let clock = ContinuousClock()
        var best = Double.infinity
        for _ in 0..<3 {
            let start = clock.now
            _ = try contribution.measure()
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

    /// The entropy of what is sent, in bytes per parameter: of a position that is sent with the share of all that are
    /// sent, and of a value by how often each level occurs. Scales and frames are not in it. (That each chunk sends the
    /// same number makes positions some tenths of a percent cheaper.)
    private static func entropyBytesPerParameter(_ contribution: Tensor.Contribution) throws -> Double {
        let decoder = SegmentDecoder(contribution)
        var counts: [Int16: Int] = [:]
        for index in 0..<contribution.layout.chunkCount {
            guard case .sparse(_, let levels, _) = try decoder.chunk(index) else { continue }
            for level in levels { counts[level, default: 0] += 1 }
        }
        let parameters = Double(contribution.layout.parameterCount)
        let sent = Double(counts.values.reduce(0, +))
        func bits(_ share: Double) -> Double { share > 0 ? -share * log2(share) : 0 }
        let positions = bits(sent / parameters) + bits(1 - sent / parameters)
        let values = counts.values.map { bits(Double($0) / sent) }.reduce(0, +)
        return (positions + sent / parameters * values) / 8
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
        {"bytes_per_parameter": \(bytesPerParameter), \
        "link_bytes_per_parameter": \(linkBytesPerParameter), \
        "encode_gb_per_s": \(encodeGigabytesPerSecond), "decode_gb_per_s": \(decodeGigabytesPerSecond), \
        "compress_mb_per_s": \(compressMegabytesPerSecond), "decompress_mb_per_s": \(decompressMegabytesPerSecond), \
        "memcpy_gb_per_s": \(memcpyGigabytesPerSecond), "entropy_bytes_per_parameter": \(entropyBytesPerParameter)}
        """
    }

    var text: String {
        """
        payload \(rounded(bytesPerParameter, 5)) bytes per parameter
        on link \(rounded(linkBytesPerParameter, 5)) bytes per parameter, \
        \(rounded(linkBytesPerParameter / entropyBytesPerParameter, 3)) of the entropy \
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
