/// Numbers as people read them.
enum Words {
    /// `1.5 MiB`.
    static func bytes(_ count: Int64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(count)
        var unit = 0
        while value >= 1024 && unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\(decimal(value, 1)) \(units[unit])"
    }

    /// `350 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
    static func duration(milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        switch milliseconds {
        case ..<1000: return "\(milliseconds) ms"
        case ..<60_000: return "\(decimal(Double(milliseconds) / 1000, 1)) s"
        case ..<3_600_000: return "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400_000: return "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: return "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        }
    }

    /// A loss in nats per token, which sites report to 0.01 or not at all.
    static func loss(_ loss: Double?) -> String { loss.map { decimal($0, 2) } ?? "not reported" }

    /// With so many digits after the point, rounded half up.
    static func decimal(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int64((abs(value) * scale).rounded())
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard digits > 0 else { return sign + String(scaled) }
        let unit = Int64(scale)
        let fraction = String(scaled % unit)
        return sign + "\(scaled / unit)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// `10,670,464`.
    static func grouped(_ value: Int64) -> String {
        var text = ""
        for (index, digit) in String(value.magnitude).reversed().enumerated() {
            if index > 0 && index % 3 == 0 { text = "," + text }
            text = String(digit) + text
        }
        return value < 0 ? "-" + text : text
    }

    /// The first 12 digits of a digest.
    static func short(_ hex: String) -> String { String(hex.prefix(12)) }

    /// `a, b and c`.
    static func list(_ items: [String]) -> String {
        guard let last = items.last else { return "nobody" }
        return items.count == 1 ? last : items.dropLast().joined(separator: ", ") + " and " + last
    }

    static func count(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }
}
