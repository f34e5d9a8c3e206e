import Foundation
import Model

/// The results of all methods and seeds: a table for people, JSON, and a picture.
struct ConvergenceTable {
    /// One method, over all seeds.
    private struct Row {
        let name: String
        var runs: [ConvergenceRun] = []

        func mean(_ value: (ConvergenceRun) -> Double) -> Double {
            runs.reduce(0) { $0 + value($1) } / Double(runs.count)
        }

        /// Largest minus smallest mean loss over the seeds.
        var spread: Double {
            let losses = runs.map(\.final.mean)
            return (losses.max() ?? 0) - (losses.min() ?? 0)
        }
    }

    private let sites: [String]
    private var rows: [Row] = []
    /// Bytes are told per parameter and step.
    private var parameterSteps = 1.0

    init(sites: [String]) { self.sites = sites }

    mutating func add(_ name: String, _ run: ConvergenceRun, of setting: ConvergenceSetting) {
        parameterSteps = Double(setting.layout.parameterCount) * Double(setting.steps)
        if let index = rows.firstIndex(where: { $0.name == name }) {
            rows[index].runs.append(run)
        } else {
            rows.append(Row(name: name, runs: [run]))
        }
    }

    var siteCount: Int { sites.count }

    /// The mean loss of a method over languages and seeds; nil if it was not measured.
    func loss(of name: String) -> Double? {
        rows.first { $0.name == name }.map { row in row.mean { $0.final.mean } }
    }

    /// What one method's sites receive for each byte that another's do; nil if either is unknown.
    func bytesShare(of name: String, to other: String) -> Double? {
        guard let row = rows.first(where: { $0.name == name }), let against = rows.first(where: { $0.name == other })
        else { return nil }
        let (received, bound) = (row.mean { $0.receivedBytes }, against.mean { $0.receivedBytes })
        return received > 0 && bound > 0 ? received / bound : nil
    }

    static func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

    /// Loss over the synchronous loss, in percent; nil where there is none to compare with.
    private func gap(_ row: Row) -> Double? {
        guard let bound = rows.first(where: { $0.name == "synchronous" }) else { return nil }
        let limit = bound.mean { $0.final.mean }
        return 100 * (row.mean { $0.final.mean } / limit - 1)
    }

    var text: String {
        var lines = [
            ["held-out loss, nats per byte"] + sites + [
                "mean", "spread", "gap %", "contribution", "received", "rounds",
            ]
        ]
        for row in rows {
            var cells = [row.name]
            for site in sites.indices { cells.append(Self.number(row.mean { $0.final.losses[site] }, 3)) }
            cells.append(Self.number(row.mean { $0.final.mean }, 3))
            cells.append(row.runs.count > 1 ? Self.number(row.spread, 3) : "-")
            cells.append(gap(row).map { Self.number($0, 1) } ?? "-")
            let (sent, received) = (row.mean { $0.sentBytes }, row.mean { $0.receivedBytes })
            cells.append(sent == 0 ? "-" : Self.number(sent / parameterSteps, 4))
            cells.append(received == 0 ? "-" : Self.number(received / parameterSteps, 4))
            cells.append(row.runs[0].rounds == 0 ? "-" : "\(row.runs[0].rounds)")
            lines.append(cells)
        }
        return Self.aligned(lines)
            + "\ngap: the mean over the synchronous one. contribution: bytes of one site's own, per parameter and step; received: what it gets of\nthe others; on links a site sends as much as it receives, on average"
    }

    /// Rows of cells as text: the first column to the left, the others to the right.
    static func aligned(_ lines: [[String]]) -> String {
        let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { cells in
            cells.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + padding : padding + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    private struct Report: Encodable {
        struct Method: Encodable {
            let name: String
            let losses: [[Double]]
            let meanLoss: Double
            let gapPercent: Double?
            let sentBytesPerParameterStep: Double
            let receivedBytesPerParameterStep: Double
            let rounds: Int
            let curves: [[Point]]
        }
        struct Point: Encodable {
            let step: Int
            let meanLoss: Double
        }
        let sites: [String]
        let methods: [Method]
    }

    func json() throws -> String {
        let methods = rows.map { row in
            Report.Method(
                name: row.name, losses: row.runs.map(\.final.losses), meanLoss: row.mean { $0.final.mean },
                gapPercent: gap(row), sentBytesPerParameterStep: row.mean { $0.sentBytes } / parameterSteps,
                receivedBytesPerParameterStep: row.mean { $0.receivedBytes } / parameterSteps,
                rounds: row.runs[0].rounds,
                curves: row.runs.map { $0.curve.map { Report.Point(step: $0.step, meanLoss: $0.mean) } })
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(Report(sites: sites, methods: methods)), as: UTF8.self) + "\n"
    }

    /// The curves of the first seed, each labelled at its end.
    var picture: String {
        CurvePicture(
            title: "Held-out loss, mean of \(sites.count) languages",
            horizontal: "optimizer steps of each site", vertical: "nats per byte",
            curves: rows.compactMap { row in
                // The last point is the result, measured on more text than those of the curve.
                let points = row.runs[0].curve.dropLast()
                guard points.count > 1 else { return nil }
                return CurvePicture.Curve(
                    name: row.name, points: points.map { (Double($0.step), $0.mean) },
                    result: row.runs[0].final.mean)
            }
        ).svg
    }
}
