import Foundation

/// Curves over one axis, as SVG, each labelled at its end.
struct CurvePicture {
    struct Curve {
        let name: String
        /// In ascending order of the first.
        let points: [(x: Double, y: Double)]
        /// The result, which the label names.
        let result: Double
    }

    let title: String
    let horizontal: String
    let vertical: String
    /// Not empty, each of at least one point.
    let curves: [Curve]

    private static let width = 900.0
    private static let height = 520.0
    private static let left = 70.0
    private static let right = 240.0
    private static let top = 50.0
    private static let bottom = 60.0
    private static let palette = [
        "#1f6fb4", "#d9541e", "#2c9940", "#8a4fb0", "#b8860b", "#c02f5c", "#0f8b8d", "#555555",
    ]

    private static func text(_ value: Double) -> String { String(format: "%.1f", value) }

    /// A round distance of grid lines that divides a span into about six.
    static func tick(_ span: Double) -> Double {
        let raw = max(span, 1e-9) / 6
        let power = pow(10, log10(raw).rounded(.down))
        for factor in [1.0, 2, 5] where raw <= factor * power { return factor * power }
        return 10 * power
    }

    /// Moves labels apart so that none covers another, in the order of their places.
    static func spread(_ places: [Double], distance: Double) -> [Double] {
        let order = places.indices.sorted { places[$0] < places[$1] }
        var result = places
        for (below, above) in zip(order.dropFirst(), order) where result[below] < result[above] + distance {
            result[below] = result[above] + distance
        }
        return result
    }

    var svg: String {
        let all = curves.flatMap(\.points)
        guard let xMaximum = all.map(\.x).max(), let yMinimum = all.map(\.y).min() else {
            preconditionFailure("a picture has points")
        }
        // The steep fall at the start would leave no room for what matters; what is above is cut off.
        let settled = all.filter { $0.x >= xMaximum / 10 }.map(\.y)
        let yMaximum = settled.max() ?? yMinimum
        let step = Self.tick(yMaximum - yMinimum)
        let low = (yMinimum / step).rounded(.down) * step
        let high = max((yMaximum / step).rounded(.up) * step, low + step)
        func x(_ value: Double) -> Double {
            Self.left + (Self.width - Self.left - Self.right) * value / max(xMaximum, 1e-9)
        }
        func y(_ value: Double) -> Double {
            Self.height - Self.bottom - (Self.height - Self.top - Self.bottom) * (value - low) / (high - low)
        }
        var out = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" \
            font-family="sans-serif" font-size="13" fill="#222">
            <rect width="\(Int(Self.width))" height="\(Int(Self.height))" fill="#fff"/>
            <clipPath id="field"><rect x="\(Self.text(Self.left))" y="\(Self.text(Self.top))" \
            width="\(Self.text(Self.width - Self.left - Self.right))" \
            height="\(Self.text(Self.height - Self.top - Self.bottom))"/></clipPath>
            <text x="\(Self.text(Self.left))" y="28" font-size="17" font-weight="bold">\(title)</text>

            """
        for index in 0...Int(((high - low) / step).rounded()) {
            let value = low + Double(index) * step
            out += """
                <line x1="\(Self.text(Self.left))" y1="\(Self.text(y(value)))" x2="\(Self.text(Self.width - Self.right))" \
                y2="\(Self.text(y(value)))" stroke="#e4e4e4"/>\
                <text x="\(Self.text(Self.left - 8))" y="\(Self.text(y(value) + 4))" text-anchor="end">\
                \(String(format: "%.4g", value))</text>

                """
        }
        let xStep = Self.tick(xMaximum)
        for index in 0...Int(xMaximum / xStep) {
            let value = Double(index) * xStep
            out += """
                <text x="\(Self.text(x(value)))" y="\(Self.text(Self.height - Self.bottom + 20))" text-anchor="middle">\
                \(String(format: "%.4g", value))</text>

                """
        }
        out += """
            <text x="\(Self.text((Self.left + Self.width - Self.right) / 2))" y="\(Self.text(Self.height - 16))" \
            text-anchor="middle">\(horizontal)</text>
            <text transform="translate(18 \(Self.text((Self.top + Self.height - Self.bottom) / 2))) rotate(-90)" \
            text-anchor="middle">\(vertical)</text>

            """
        let ends = Self.spread(curves.map { y(min(high, $0.points.last?.y ?? 0)) }, distance: 17)
        for (index, curve) in curves.enumerated() {
            let color = Self.palette[index % Self.palette.count]
            let points = curve.points.map { "\(Self.text(x($0.x))),\(Self.text(y($0.y)))" }.joined(separator: " ")
            let end = (x: x(curve.points.last?.x ?? 0), y: y(min(high, curve.points.last?.y ?? 0)))
            let label = (x: Self.width - Self.right + 26, y: ends[index])
            out += """
                <polyline clip-path="url(#field)" fill="none" stroke="\(color)" stroke-width="2" points="\(points)"/>\
                <polyline fill="none" stroke="\(color)" stroke-dasharray="2 3" \
                points="\(Self.text(end.x)),\(Self.text(end.y)) \(Self.text(label.x - 22)),\(Self.text(end.y)) \
                \(Self.text(label.x - 4)),\(Self.text(label.y))"/>\
                <text x="\(Self.text(label.x))" y="\(Self.text(label.y + 4))" fill="\(color)">\(curve.name) \
                \(String(format: "%.3f", curve.result))</text>

                """
        }
        return out + "</svg>\n"
    }
}
