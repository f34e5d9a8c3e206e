extension Evidence {
    /// What was done and where, for people: without who did it.
    public var words: String {
        let what =
            switch self {
            case .contributions: "two contributions"
            case .availabilityVote: "availability votes of two contributions"
            case .closed: "two closed statements"
            case .ready: "two ready records"
            case .proposals: "two proposals"
            case .votes(let first, let second):
                first.body.kind == second.body.kind
                    ? "two \(first.body.kind.rawValue) votes"
                    : "\(first.body.kind.rawValue) and \(second.body.kind.rawValue)"
            }
        let position =
            switch place {
            case .slot(let slot, let baseHeight): "on version \(baseHeight), in the slot of \(slot.author.short)"
            case .height(let height): "at height \(height)"
            case .view(let height, let view): "at height \(height) in view \(view)"
            }
        return "\(what) \(position)"
    }
}
