import Foundation
import Model
import Testing

@testable import Bench

/// What a reader of the comparison is told.
struct ConvergenceReportTests {
    private static let layout = ModelLayout(ModelPreset.tiny.configuration)

    private func setting(steps: Int = 30) -> ConvergenceSetting {
        ConvergenceSetting(
            layout: Self.layout, sites: [], steps: steps, batchSequences: 1, peak: 1, warmUpSteps: 0, optimizer: .adamW,
            seed: 1, points: 1)
    }

    private func run(_ losses: [Double], receivedBytes: Double = 0, rounds: Int = 0) -> ConvergenceRun {
        ConvergenceRun(
            parameters: [], curve: [10, 20, 30].map { ConvergenceRun.Point(step: $0, losses: losses) },
            sentBytes: receivedBytes, receivedBytes: receivedBytes, rounds: rounds)
    }

    private func table(derivative: Double, alone: Double) -> ConvergenceTable {
        var table = ConvergenceTable(sites: ["de", "fr"])
        table.add("synchronous", run([2, 2], receivedBytes: 1000, rounds: 30), of: setting())
        table.add("mesh", run([2.1, 2.3], receivedBytes: 10, rounds: 3), of: setting())
        table.add("derivative, own language", run([derivative, derivative]), of: setting())
        table.add("alone, own language", run([alone, alone]), of: setting())
        table.add("alone, all languages", run([3.5, 3.7]), of: setting())
        return table
    }

    @Test("The verdict follows from the figures, whichever way they point")
    func verdict() throws {
        let gain = try #require(table(derivative: 1.9, alone: 2).verdict(derivativeSteps: 30))
        #expect(gain.contains("has 2.20 nats per byte, the mean over 2. A model that one site trains alone has 3.60"))
        #expect(gain.contains("after 30 more local steps of its own a site has 1.90, 5 % below the 2.00"))
        #expect(gain.contains("the mesh is 10.0 % above that, and a site received 1/100 of the bytes"))
        let loss = try #require(table(derivative: 2.2, alone: 2).verdict(derivativeSteps: 30))
        #expect(loss.contains("better off alone") && loss.contains("2.20, 10 % above the 2.00"))
        let same = try #require(table(derivative: 2.01, alone: 2).verdict(derivativeSteps: 30))
        #expect(same.contains("about the same either way"))
    }

    @Test("Without the methods that it compares there is no verdict, and without bytes no share of them")
    func verdictNeedsFigures() throws {
        var table = ConvergenceTable(sites: ["de", "fr"])
        table.add("mesh", run([2.1, 2.3], rounds: 3), of: setting())
        #expect(table.verdict(derivativeSteps: 30) == nil)
        table.add("synchronous", run([2, 2], receivedBytes: 1000, rounds: 30), of: setting())
        table.add("derivative, own language", run([2, 2]), of: setting())
        table.add("alone, own language", run([2, 2]), of: setting())
        table.add("alone, all languages", run([3, 3]), of: setting())
        #expect(try !#require(table.verdict(derivativeSteps: 30)).contains("of the bytes"))
    }

    @Test("Labels of curves that end at the same place do not cover each other")
    func labelsAreApart() {
        let places = CurvePicture.spread([100, 100, 101, 300], distance: 17).sorted()
        for (above, below) in zip(places, places.dropFirst()) { #expect(below >= above + 17) }
    }

    @Test("A mesh that was trained elsewhere is read with its curve; a round that was trained twice counts once")
    func readsTrainedMesh() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let parameters = Initialization.parameters(Self.layout, seed: 1)
        try ModelDirectory.write(layout: Self.layout, parameters: parameters, to: folder + "/model")
        func write(_ name: String, _ losses: [(Int, Double?)]) throws -> String {
            let lines = losses.map { height, loss in
                "{\"height\":\(height)\(loss.map { ",\"held_out_loss\":\($0)" } ?? ""),\"steps\":5}\n"
            }
            try lines.joined().write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
            return folder + "/" + name
        }
        let rounds = [
            try write("a", [(0, 5), (1, 4), (1, 3.5), (2, 3), (3, nil)]), try write("b", [(0, 5.5), (2, 3.5), (1, 3)]),
        ]
        let mesh = try TrainedMesh(model: folder + "/model", rounds: rounds, innerSteps: 5, layout: Self.layout)
        #expect(mesh.parameters == parameters)
        #expect(mesh.points.map(\.step) == [0, 5, 10])
        #expect(mesh.points.map(\.loss) == [5.25, 3.25, 3.25])
        #expect(throws: ConvergenceError.self) {
            try TrainedMesh(
                model: folder + "/model", rounds: [], innerSteps: 5,
                layout: ModelLayout(ModelPreset.small.configuration))
        }
    }
}

/// What hostile sites hand over.
struct AttackTests {
    private static let honest: [[Float]] = [[1, 0, 2, 0], [2, 0, 0, 1], [3, 0, 1, 2]]
    private static let own: [Float] = [4, 3, 0, 0]

    private func vector(_ attack: Attack, round: Int = 0) throws -> [Float] {
        let vectors = attack.vectors([Self.own] + Self.honest, round: round, seed: 7)
        try #require(vectors.count == 1)
        return vectors[0]
    }

    @Test func asManyAreHostileAsAMeshTolerates() {
        #expect([1, 3, 4, 6, 7, 10].map { Attack.hostileCount(siteCount: $0) } == [0, 0, 1, 1, 2, 3])
        #expect(Attack.signFlip.vectors(Array(repeating: Self.own, count: 7), round: 0, seed: 1).count == 2)
    }

    @Test func vectorsAreWhatTheirNamesSay() throws {
        #expect(try vector(.signFlip) == [-4, -3, 0, 0])
        #expect(try vector(.innerProduct) == [-4, 0, -2, -2])
        #expect(try vector(.mimic) == Self.honest[0])
        #expect(try vector(.opposite) == [-1, 0, -2, 0])
        #expect(try vector(.large) == [-400, -300, 0, 0])
        // No other site sends the second value.
        #expect(try vector(.exclusive) == [0, -5, 0, 0])
    }

    @Test func theFarthestIsNoFurtherThanTheHonestAreFromEachOther() throws {
        func distances(_ from: [Float]) -> [Float] {
            Self.honest.map { zip(from, $0).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
        }
        let most = Self.honest.flatMap(distances).max()!
        let found = try #require(distances(try vector(.minMax)).max())
        #expect(found <= most && found > 0.99 * most)
        let sums = Self.honest.map { distances($0).reduce(0, +) }.max()!
        #expect(distances(try vector(.minSum)).reduce(0, +) <= sums)
    }

    @Test func driftHasOneDirectionAndNoiseHasNot() throws {
        #expect(try vector(.drift, round: 0) == vector(.drift, round: 5))
        #expect(try vector(.noise, round: 0) != vector(.noise, round: 5))
    }

    @Test func tableNamesTheHarmed() {
        var table = AttackTable(hostile: ["de"], honest: ["fr", "es"])
        table.add("no attack", [2, 2])
        table.add("weak", [2.1, 2.1])
        #expect(
            table.text.hasSuffix(
                "No attack leaves a language of an honest site more than 10 % above the run without one."))
        table.add("strong", [2.1, 2.3])
        table.add("broken", [.nan, 2])
        #expect(table.text.hasSuffix("More than 10 % above the run without an attack: strong (es); broken (fr)."))
        #expect(table.text.contains("+15.0 %"))
    }
}
