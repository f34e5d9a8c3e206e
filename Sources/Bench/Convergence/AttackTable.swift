/// Final losses of the honest sites' languages under each attack.
struct AttackTable {
    let hostile: [String]
    let honest: [String]
    private var rows: [(name: String, losses: [Double])] = []

    init(hostile: [String], honest: [String]) {
        self.hostile = hostile
        self.honest = honest
    }

    /// The first one is the run without an attack.
    mutating func add(_ name: String, _ losses: [Double]) { rows.append((name, losses)) }

    /// The languages that an attack left more than a tenth above the run without one.
    func harmed(_ row: (name: String, losses: [Double])) -> [String] {
        zip(honest, zip(row.losses, rows[0].losses)).filter { $1.0 > 1.1 * $1.1 || $1.0.isNaN }.map(\.0)
    }

    var text: String {
        var lines = [["attack by \(hostile.joined(separator: ", "))"] + honest + ["worst"]]
        for row in rows {
            let worst = zip(row.losses, rows[0].losses).map { 100 * ($0 / $1 - 1) }.max() ?? 0
            lines.append(
                [row.name] + row.losses.map { ConvergenceTable.number($0, 3) }
                    + [(worst >= 0 ? "+" : "") + ConvergenceTable.number(worst, 1) + " %"])
        }
        let harmful = rows.dropFirst().filter { !harmed($0).isEmpty }
        let verdict =
            harmful.isEmpty
            ? "No attack leaves a language of an honest site more than 10 % above the run without one."
            : "More than 10 % above the run without an attack: "
                + harmful.map { "\($0.name) (\(harmed($0).joined(separator: ", ")))" }.joined(separator: "; ") + "."
        return ConvergenceTable.aligned(lines) + "\n" + verdict
    }
}
