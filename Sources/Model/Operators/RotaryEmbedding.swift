import Glibc

/// Rotary position embedding (Su et al. 2021) in rotate-half order, as `transformers` applies it: element i of a head is
/// paired with element i + D/2 and turned by position x base^(-2i/D).
package struct RotaryEmbedding {
    private let cosines: FloatBuffer
    private let sines: FloatBuffer
    private let headSize: Int

    /// Tables (T, D/2) for positions 0..<T.
    package init(positions: Int, headSize: Int) {
        self.headSize = headSize
        let half = headSize / 2
        cosines = FloatBuffer(count: positions * half)
        sines = FloatBuffer(count: positions * half)
        for position in 0..<positions {
            for index in 0..<half {
                let frequency = pow(ModelConfiguration.rotaryBase, -2 * Double(index) / Double(headSize))
                let angle = Double(position) * frequency
                cosines.pointer[position * half + index] = Float(cos(angle))
                sines.pointer[position * half + index] = Float(sin(angle))
            }
        }
    }

    /// Turns (B, T, heads, D) in place; rows are `stride` apart.
    package func forward(
        _ values: UnsafeMutablePointer<Float>, stride: Int, sequences: Int, positions: Int, heads: Int
    ) {
        rotate(values, stride: stride, sequences: sequences, positions: positions, heads: heads, direction: 1)
    }

    /// The gradient of a rotation is the rotation back.
    package func backward(
        _ gradients: UnsafeMutablePointer<Float>, stride: Int, sequences: Int, positions: Int, heads: Int
    ) {
        rotate(gradients, stride: stride, sequences: sequences, positions: positions, heads: heads, direction: -1)
    }

    private func rotate(
        _ values: UnsafeMutablePointer<Float>, stride: Int, sequences: Int, positions: Int, heads: Int,
        direction: Float
    ) {
        let half = headSize / 2
        for sequence in 0..<sequences {
            for position in 0..<positions {
                let cosine = cosines.pointer + position * half
                let sine = sines.pointer + position * half
                let row = values + (sequence * positions + position) * stride
                for head in 0..<heads {
                    let first = row + head * headSize
                    let second = first + half
                    for index in 0..<half {
                        let x = first[index]
                        let y = second[index]
                        let turn = sine[index] * direction
                        first[index] = x * cosine[index] - y * turn
                        second[index] = y * cosine[index] + x * turn
                    }
                }
            }
        }
    }
}
