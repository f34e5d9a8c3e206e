import Testing

@testable import Model

@Suite struct MuonTests {
    /// x (a + b x^2 + c x^4), five times, on one singular value.
    private func iterated(_ value: Double) -> Double {
        (0..<5).reduce(value) { x, _ in x * (3.4445 - 4.7750 * x * x + 2.0315 * x * x * x * x) }
    }

    /// A gradient with one known singular value in each direction: the diagonal of a matrix.
    private func diagonal(rows: Int, columns: Int, _ values: [Float]) -> FloatBuffer {
        let matrix = FloatBuffer(count: rows * columns)
        for (index, value) in values.enumerated() { matrix.pointer[index * columns + index] = value }
        return matrix
    }

    @Test(arguments: [(8, 8), (8, 24), (24, 8)])
    func aMatrixMovesAlongItsOrthogonalizedMomentum(rows: Int, columns: Int) throws {
        let values: [Float] = [4, 3, 2, 1, 0.5, 0.25, 0.1, 0.02]
        let layout = ModelLayout(
            try ModelConfiguration(
                hiddenSize: columns == 8 ? 8 : 24, intermediateSize: columns == 8 ? rows : 8, layerCount: 1,
                headCount: columns == 8 ? 1 : 3, contextLength: 8))
        let tensor = try #require(
            layout.tensors.first { layout.isProjection($0) && $0.shape == [rows, columns] }, "a matrix of this shape")
        let muon = Muon(matrices: [tensor])
        let gradient = diagonal(rows: rows, columns: columns, values)
        let parameters = FloatBuffer([Float](repeating: 1, count: rows * columns))
        let momentum = FloatBuffer(count: rows * columns)
        let rate = 0.01
        muon.update(
            rows: rows, columns: columns, parameters: parameters.pointer, gradient: gradient.pointer,
            momentum: momentum.pointer, learningRate: rate, clip: 0.5, keep: 0.999)
        let norm = values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        let shape = max(1, Double(rows) / Double(columns)).squareRoot()
        for row in 0..<rows {
            for column in 0..<columns {
                let index = row * columns + column
                let value = row == column ? Double(values[row]) : 0
                #expect(abs(Double(momentum.pointer[index]) - 0.5 * value) < 1e-6)
                let direction = iterated(value / norm)
                #expect(abs(Double(parameters.pointer[index]) - (0.999 - rate * shape * direction)) < 1e-5)
            }
        }
        // All but the smallest singular values came near one.
        for value in values.dropLast(2) { #expect((0.6...1.3).contains(iterated(Double(value) / norm))) }
    }

    @Test func momentumLooksAStepAhead() throws {
        let layout = ModelLayout(try microConfiguration())
        let tensor = try #require(layout.tensors.first(where: layout.isProjection))
        let optimizer = Muon(matrices: [tensor])
        let count = tensor.count
        let parameters = FloatBuffer(count: count)
        let momentum = FloatBuffer([Float](repeating: 2, count: count))
        let gradient = FloatBuffer([Float](repeating: 1, count: count))
        optimizer.update(
            rows: tensor.shape[0], columns: tensor.shape[1], parameters: parameters.pointer, gradient: gradient.pointer,
            momentum: momentum.pointer, learningRate: 0.1, clip: 1, keep: 1)
        #expect(momentum.values.allSatisfy { abs($0 - (2 * 0.95 + 1)) < 1e-6 })
        // A constant matrix has one singular vector: every value moves alike, against the gradient.
        let first = parameters.pointer[0]
        #expect(first < 0)
        #expect(parameters.values.allSatisfy { abs($0 - first) < 1e-5 })
    }

    @Test func aGradientOfZerosMovesNothing() throws {
        let layout = ModelLayout(try microConfiguration())
        let optimizer = Optimizer(layout: layout, kind: .muon(peak: 0.02))
        let parameters = FloatBuffer(count: layout.parameterCount)
        let gradient = FloatBuffer(count: layout.parameterCount)
        _ = try optimizer.update(parameters: parameters.buffer, gradient: gradient.buffer, learningRate: 0.01)
        #expect(parameters.values.allSatisfy { $0 == 0 })
    }

    @Test func embeddingAndNormsAreAdamWs() throws {
        let layout = ModelLayout(try microConfiguration())
        let values = (0..<layout.parameterCount).map { Float($0 % 7) * 0.1 - 0.3 }
        let gradients = (0..<layout.parameterCount).map { Float($0 % 5) * 1e-4 - 2e-4 }
        func updated(_ kind: OptimizerKind) throws -> [Float] {
            let (parameters, gradient) = (FloatBuffer(values), FloatBuffer(gradients))
            _ = try Optimizer(layout: layout, kind: kind).update(
                parameters: parameters.buffer, gradient: gradient.buffer, learningRate: 0.01)
            return parameters.values
        }
        let (adamW, muon) = (try updated(.adamW), try updated(.muon(peak: 0.02)))
        var projections = 0
        for tensor in layout.tensors {
            let isAlike = adamW[tensor.range] == muon[tensor.range]
            #expect(isAlike == !layout.isProjection(tensor), "\(tensor.name)")
            projections += layout.isProjection(tensor) ? 1 : 0
        }
        #expect(projections == 7 * layout.configuration.layerCount)
    }

    @Test func trainingLearnsAPattern() throws {
        let trainer = try microTrainer(optimizer: .muon(peak: 0.02))
        let losses = try (0..<40).map { try trainer.takeStep($0).loss }
        #expect(losses[0] > 5)
        #expect(losses[39] < 2)
    }
}
