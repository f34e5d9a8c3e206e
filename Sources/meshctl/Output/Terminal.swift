import Glibc

/// Colours for people who look at a terminal, and none for files, pipes and those who set NO_COLOR (no-color.org).
struct Terminal: Sendable {
    let isColoured: Bool

    /// Of standard output.
    static let standard = Terminal(
        isColoured: isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)

    enum Style: String {
        case good = "32"
        case warning = "33"
        case bad = "31"
        case quiet = "2"
        case strong = "1"
    }

    func paint(_ text: String, _ style: Style) -> String {
        isColoured ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
    }
}
