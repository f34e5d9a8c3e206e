import Foundation
import Simulator

/// The totals, for a person and for a program.
struct TotalsReport {
    let totals: Totals
    let workers: Int
    let seconds: Double

    private var seedsPerHour: Int { Int(Double(totals.seeds) / max(seconds, 0.001) * 3600) }

    private var largest: [(String, Int)] {
        let measures = totals.measures
        return [
            ("queue", measures.queueMaximum), ("actions_a_turn", measures.effectsMaximum),
            ("pieces_held", measures.handlesMaximum), ("batches_waiting", measures.batchesMaximum),
            ("journal_entries_a_height", measures.journalMaximum), ("message_bytes", measures.messageBytesMaximum),
            ("node_candidates", measures.candidatesMaximum), ("node_votes", measures.votesMaximum),
            ("node_ready_records", measures.readyRecordsMaximum), ("node_early_bytes", measures.earlyBytesMaximum),
            ("view", Int(measures.viewMaximum)), ("views_after_healing", Int(measures.viewsAfterHealing)),
            ("recovery_ms", Int(measures.recoveryMaximum)),
        ]
    }

    /// Names on the left, numbers on the right.
    private func aligned(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        let digits = rows.map(\.1.count).max() ?? 0
        return rows.map { name, number in
            "  " + name + String(repeating: " ", count: width - name.count + 2 + digits - number.count) + number
        }
        .joined(separator: "\n")
    }

    /// How many clusters of which size; of a single size that alone.
    private var sizes: String {
        let sizes = totals.seedsBySize.sorted { $0.key < $1.key }
        if sizes.count == 1, let size = sizes.first?.key { return "\(size)" }
        return sizes.map { "\($0.key) (\($0.value) seeds)" }.joined(separator: ", ")
    }

    private var failed: String {
        if totals.failures.isEmpty { return "none" }
        return totals.failures.map { "\n  \($0.seed): \(FailureReport.replay($0))" }.joined()
    }

    var text: String {
        let injected = aligned(totals.faults.named.map { ($0.name, "\($0.count)") })
        let bounds = aligned(largest.map { ($0.0, "\($0.1)") })
        return """
            nodes: \(sizes)
            seeds: \(totals.seeds)
            versions certified: \(totals.heights)
            messages: \(totals.measures.messages), pieces: \(totals.measures.pieces)
            faults injected:
            \(injected)
            largest:
            \(bounds)
            seconds: \(String(format: "%.1f", seconds)) with \(workers) workers
            seeds an hour: \(seedsPerHour)
            failed seeds: \(failed)
            """
    }

    var json: String {
        get throws {
            var faults: [String: UInt64] = [:]
            for (name, count) in totals.faults.named { faults[name] = count }
            let object: [String: Any] = [
                "nodes": totals.seedsBySize.keys.sorted(), "seeds": totals.seeds, "versions": totals.heights,
                "messages": totals.measures.messages, "pieces": totals.measures.pieces,
                "message_bytes_sent": totals.measures.messageBytes, "signatures_verified": totals.signaturesVerified,
                "occurrences": totals.measures.occurrences, "faults": faults,
                "largest": Dictionary(uniqueKeysWithValues: largest), "seconds": seconds, "workers": workers,
                "seeds_per_hour": seedsPerHour, "failed_seeds": totals.failures.map(\.seed),
                "failures": totals.failures.map { outcome in
                    [
                        "seed": outcome.seed, "nodes": outcome.nodes,
                        "checkers": Set(outcome.violations.map(\.checker.rawValue)).sorted(),
                        "replay": FailureReport.replay(outcome),
                    ] as [String: Any]
                },
            ]
            let data = try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys])
            return String(decoding: data, as: UTF8.self)
        }
    }
}
