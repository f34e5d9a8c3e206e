import Control

/// What a revert would take out, touch and cost, for people: shown before anybody signs it.
struct RevertPreviewText {
    let preview: RevertPreview

    /// So many contributions of each kind are named.
    private static let named = 5

    func text(_ terminal: Terminal) -> String {
        var table = Table()
        table.append("from version", "\(preview.from); reverts reach back to version \(preview.oldest)")
        for (index, line) in lines(of: preview.excluded, count: preview.excludedCount).enumerated() {
            table.append(index == 0 ? "takes out" : "", line)
        }
        if preview.outOfReachCount > 0 {
            table.append(
                "leaves in",
                "\(Words.count(Int(preview.outOfReachCount), "contribution", "contributions")) of earlier versions, for ever"
            )
        }
        table.append("every member", "makes \(Words.count(Int(preview.versions), "version", "versions")) anew\(cost)")
        for (index, line) in affectedLines.enumerated() { table.append(index == 0 ? "stay in" : "", line) }
        return table.rendered(terminal)
    }

    private var cost: String {
        let bytes = "from \(Words.bytes(preview.bytes)) of contributions"
        guard let milliseconds = preview.milliseconds else { return ", \(bytes)" }
        return ", \(bytes): about \(Words.duration(milliseconds: milliseconds)) here"
    }

    private var affectedLines: [String] {
        guard preview.affectedCount > 0 else { return ["no contribution was trained on top of what is taken out"] }
        let count = Words.count(Int(preview.affectedCount), "contribution", "contributions")
        return ["\(count) trained on top of what is taken out, averaged as they are:"]
            + lines(of: preview.affected, count: preview.affectedCount)
    }

    private func lines(of contributions: [RevertedContribution], count: Int64) -> [String] {
        guard count > 0 else { return ["nothing: no version from there on lists it"] }
        var lines = contributions.prefix(RevertPreviewText.named).map {
            "version \($0.height)  \($0.author.text)  \($0.contribution.text.prefix(12))"
        }
        if count > Int64(lines.count) { lines.append("and \(count - Int64(lines.count)) more") }
        return lines
    }
}
