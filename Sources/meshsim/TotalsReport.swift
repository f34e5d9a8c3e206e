import Foundation
import Simulator

/// The totals, for a person and for a program.
struct TotalsReport {
    let totals: Totals
    let nodes: Int
    let workers: Int
    let seconds: Double

    private var seedsPerHour: Int { Int(Double(totals.seeds) / max(seconds, 0.001) * 3600) }

    private var largest: [(String, Int)] {
        let measures = totals.measures
        return [
            ("queue", measures.queueMaximum), ("actions_a_turn", measures.actionsMaximum),
            ("pieces_held", measures.handlesMaximum), ("batches_waiting", measures.batchesMaximum),
            ("journal_entries_a_height", measures.journalMaximum), ("message_bytes", measures.messageBytesMaximum),
            ("view", Int(measures.viewMaximum)), ("recovery_ms", Int(measures.recoveryMaximum)),
        ]
    }

    var text: String {
        let injected = FaultCounts.kinds.map { "  \($0): \(totals.faults[$0])" }.joined(separator: "\n")
        let bounds = largest.map { "  \($0): \($1)" }.joined(separator: "\n")
        return """
            nodes: \(nodes)
            seeds: \(totals.seeds)
            versions certified: \(totals.heights)
            messages: \(totals.measures.messages), pieces: \(totals.measures.pieces)
            faults injected:
            \(injected)
            largest:
            \(bounds)
            seconds: \(String(format: "%.1f", seconds)) with \(workers) workers
            seeds an hour: \(seedsPerHour)
            failed seeds: \(totals.failedSeeds.isEmpty ? "none" : totals.failedSeeds.map(String.init).joined(separator: " "))
            """
    }

    var json: String {
        get throws {
            var faults: [String: UInt64] = [:]
            for kind in FaultCounts.kinds { faults[kind] = totals.faults[kind] }
            let object: [String: Any] = [
                "nodes": nodes, "seeds": totals.seeds, "versions": totals.heights,
                "messages": totals.measures.messages, "pieces": totals.measures.pieces,
                "message_bytes_sent": totals.measures.messageBytes, "signatures_verified": totals.signaturesVerified,
                "occurrences": totals.measures.occurrences, "faults": faults,
                "largest": Dictionary(uniqueKeysWithValues: largest), "seconds": seconds, "workers": workers,
                "seeds_per_hour": seedsPerHour, "failed_seeds": totals.failedSeeds,
            ]
            let data = try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys])
            return String(decoding: data, as: UTF8.self)
        }
    }
}
