import Glibc

/// Softmax and cross entropy in one pass over the logits.
package enum CrossEntropy {
    /// A target that does not count.
    package static let ignoredTarget = UInt16.max

    /// Sum over rows of -log softmax(logits)[target], in nats. With `gradientScale` the logits (N, stride) are replaced
    /// by the gradient of gradientScale x that sum. Columns from `classes` to `stride` count for nothing.
    package static func forwardBackward(
        logits: UnsafeMutablePointer<Float>, stride width: Int, classes: Int, targets: UnsafePointer<UInt16>,
        rows: Int, gradientScale: Float?
    ) -> Double {
        precondition(width % laneWidth == 0 && classes <= width)
        var loss = 0.0
        for row in 0..<rows {
            let values = logits + row * width
            let target = targets[row]
            if target == ignoredTarget {
                if gradientScale != nil { values.update(repeating: 0, count: width) }
                continue
            }
            for column in classes..<width { values[column] = -1e30 }
            var highest = Lane(repeating: -1e30)
            for column in stride(from: 0, to: width, by: laneWidth) {
                let value = load(values, column)
                highest.replace(with: value, where: value .> highest)
            }
            let maximum = highest.max()
            let wanted = values[Int(target)]
            var total = Lane.zero
            for column in stride(from: 0, to: width, by: laneWidth) {
                let value = exponential(load(values, column) - maximum)
                total += value
                store(value, values, column)
            }
            let sum = total.sum()
            loss += log(Double(sum)) + Double(maximum) - Double(wanted)
            guard let gradientScale else { continue }
            let factor = gradientScale / sum
            for column in stride(from: 0, to: width, by: laneWidth) {
                store(load(values, column) * factor, values, column)
            }
            values[Int(target)] -= gradientScale
        }
        return loss
    }
}
