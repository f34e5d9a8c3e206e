/// Lines of cells in aligned columns.
struct Table {
    struct Cell {
        let text: String
        let style: Terminal.Style?

        init(_ text: String, _ style: Terminal.Style? = nil) {
            self.text = text
            self.style = style
        }
    }

    enum Side { case left, right }

    private let sides: [Side]
    private var rows: [[Cell]]

    /// - Parameter head: titles; one that starts with `>` heads a column of numbers.
    init(_ head: [String]) {
        sides = head.map { $0.hasPrefix(">") ? .right : .left }
        rows = [head.map { Cell($0.hasPrefix(">") ? String($0.dropFirst()) : $0, .quiet) }]
    }

    /// A table of names and values, without titles.
    init() {
        sides = [.left, .left]
        rows = []
    }

    mutating func append(_ cells: [Cell]) {
        precondition(cells.count == sides.count)
        rows.append(cells)
    }

    mutating func append(_ texts: String...) { append(texts.map { Cell($0) }) }

    func rendered(_ terminal: Terminal = .standard) -> String {
        var widths = sides.map { _ in 0 }
        for row in rows {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.text.count) }
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let space = String(repeating: " ", count: widths[column] - cell.text.count)
                let painted = cell.style.map { terminal.paint(cell.text, $0) } ?? cell.text
                let isLast = column == row.count - 1
                line += sides[column] == .right ? space + painted : painted + (isLast ? "" : space)
                if !isLast { line += "  " }
            }
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
