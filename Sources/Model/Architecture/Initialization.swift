/// The parameters of version 0: a pure function of configuration and seed, the same bits on every machine.
///
/// A value is a sum of eight 16-bit integers (Irwin-Hall, close to a normal distribution), so that no mathematical
/// library takes part. Standard deviation 0.5 / sqrt(hidden size), which is the usual 0.02 for the large presets and lets
/// the small ones learn much sooner (Docs/model.md has the figures); projections back into the residual stream are divided by
/// sqrt(2 x layers) (Radford et al. 2019). Norms are one.
public enum Initialization {
    static let deviationAtWidthOne = 0.5

    /// The flat parameter vector of `layout` for `seed`.
    public static func parameters(_ layout: ModelLayout, seed: UInt64) -> [Float] {
        var generator = SplitMix(state: seed)
        var parameters = [Float](repeating: 1, count: layout.parameterCount)
        let base = deviationAtWidthOne / Double(layout.configuration.hiddenSize).squareRoot()
        let residualScale = 1 / Double(2 * layout.configuration.layerCount).squareRoot()
        for tensor in layout.tensors where tensor.isMatrix {
            let intoResidual = tensor.name.hasSuffix("o_proj.weight") || tensor.name.hasSuffix("down_proj.weight")
            let deviation = base * (intoResidual ? residualScale : 1)
            // The sum of eight uniform integers below 2^16 has variance 8 (2^32 - 1) / 12.
            let scale = deviation / (8.0 * 4_294_967_295.0 / 12.0).squareRoot()
            for index in tensor.offset..<tensor.offset + tensor.count {
                let sum = sixteenBitSum(generator.next()) + sixteenBitSum(generator.next())
                // The mean is 8 (2^16 - 1) / 2 = 262140.
                parameters[index] = Float(Double(sum - 262_140) * scale)
            }
        }
        return parameters
    }

    private static func sixteenBitSum(_ word: UInt64) -> Int {
        Int(word & 0xFFFF) + Int(word >> 16 & 0xFFFF) + Int(word >> 32 & 0xFFFF) + Int(word >> 48)
    }
}
