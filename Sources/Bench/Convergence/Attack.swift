import ArgumentParser
import Crypto
import Foundation

/// What hostile sites hand over in place of what they trained. They know what all others hand over in the same round, which
/// commit before reveal denies them, and act together: the worst case.
enum Attack: String, ExpressibleByArgument, CaseIterable {
    /// The opposite of what was trained.
    case signFlip = "sign-flip"
    /// Inner-product manipulation (Xie et al. 2019): the mean of the honest, times -0.1, -2, -10.
    case innerProductWeak = "inner-product-0.1"
    case innerProduct = "inner-product-2"
    case innerProductStrong = "inner-product-10"
    /// A little is enough (Baruch et al. 2019): the mean plus or minus one standard deviation of each coordinate.
    case littleAbove = "little-above"
    case littleBelow = "little-below"
    /// The largest opposite of the mean that is no further from any honest one than these are from each other, or in sum
    /// of squares (Shejwalkar and Houmansadr 2021).
    case minMax = "min-max"
    case minSum = "min-sum"
    /// The same as one honest site: what is common to it weighs more, and what others have less.
    case mimic
    /// Noise of the same size as what was trained.
    case noise
    /// The opposite of what was trained, a hundred times as large.
    case large = "norm-100"
    /// What was trained, and always a step in one random direction.
    case drift
    /// Only coordinates that no other site sends, at the size of all that was trained.
    case exclusive
    /// The opposite of what one honest site hands over.
    case opposite

    /// How many sites are hostile among so many: the largest number that a mesh tolerates.
    static func hostileCount(siteCount: Int) -> Int { (siteCount - 1) / 3 }

    /// One vector for each hostile site, the first ones.
    ///
    /// - Parameter trained: what each site would hand over, the hostile ones too.
    func vectors(_ trained: [[Float]], round: Int, seed: UInt64) -> [[Float]] {
        let hostile = trained.prefix(Attack.hostileCount(siteCount: trained.count))
        let honest = Array(trained.dropFirst(hostile.count))
        return hostile.enumerated().map { index, own in
            vector(own: own, honest: honest, round: round, seed: seed &+ UInt64(index) << 32)
        }
    }

    private func vector(own: [Float], honest: [[Float]], round: Int, seed: UInt64) -> [Float] {
        switch self {
        case .signFlip: return own.map { -$0 }
        case .innerProductWeak: return Self.mean(honest).map { -0.1 * $0 }
        case .innerProduct: return Self.mean(honest).map { -2 * $0 }
        case .innerProductStrong: return Self.mean(honest).map { -10 * $0 }
        case .littleAbove: return zip(Self.mean(honest), Self.deviation(honest)).map { $0 + $1 }
        case .littleBelow: return zip(Self.mean(honest), Self.deviation(honest)).map { $0 - $1 }
        case .minMax: return Self.farthest(honest) { $0.max() ?? 0 }
        case .minSum: return Self.farthest(honest) { $0.reduce(0, +) }
        case .mimic: return honest[0]
        case .noise: return Self.noise(own.count, norm: Self.norm(own), seed: seed &+ UInt64(round) &+ 1)
        case .large: return own.map { -100 * $0 }
        case .drift:
            let direction = Self.noise(own.count, norm: Self.norm(own), seed: seed)
            return zip(own, direction).map { $0 + $1 }
        case .exclusive:
            let alone = own.indices.map { index in honest.allSatisfy { $0[index] == 0 } ? -own[index] : 0 }
            let norm = Self.norm(alone)
            return norm > 0 ? alone.map { $0 * Self.norm(own) / norm } : alone
        case .opposite: return honest[0].map { -$0 }
        }
    }

    private static func mean(_ vectors: [[Float]]) -> [Float] {
        vectors[0].indices.map { index in vectors.reduce(0) { $0 + $1[index] } / Float(vectors.count) }
    }

    private static func deviation(_ vectors: [[Float]]) -> [Float] {
        let mean = mean(vectors)
        return mean.indices.map { index in
            let squares = vectors.reduce(Float(0)) { $0 + ($1[index] - mean[index]) * ($1[index] - mean[index]) }
            return (squares / Float(vectors.count)).squareRoot()
        }
    }

    private static func norm(_ vector: [Float]) -> Float {
        Float(vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
    }

    private static func squaredDistance(_ left: [Float], _ right: [Float]) -> Double {
        zip(left, right).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
    }

    /// The mean minus as much of itself as keeps the distances to the honest ones within those among these.
    ///
    /// - Parameter size: of one vector's squared distances to the honest ones.
    private static func farthest(_ honest: [[Float]], size: ([Double]) -> Double) -> [Float] {
        let mean = mean(honest)
        let limit = honest.map { vector in size(honest.map { squaredDistance(vector, $0) }) }.max() ?? 0
        func scaled(_ factor: Float) -> [Float] { mean.map { $0 * (1 - factor) } }
        var (low, high) = (Float(0), Float(64))
        for _ in 0..<20 {
            let middle = (low + high) / 2
            let candidate = scaled(middle)
            if size(honest.map { squaredDistance(candidate, $0) }) <= limit { low = middle } else { high = middle }
        }
        return scaled(low)
    }

    private static func noise(_ count: Int, norm: Float, seed: UInt64) -> [Float] {
        var random = SeededRandom(simulationSeed: seed)
        let values = (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
        let size = self.norm(values)
        return values.map { $0 * norm / size }
    }
}
