import Ledger

/// Watches for two members whose contributions cancel each other, version after version: the cosine between them stays
/// below -1/2. Honest contributions are nearly orthogonal, so one of the two may undo what the other does.
///
/// A pure function of the figures of the last `versionsKept` versions, so a restart raises the same alarms again.
/// Versions that do not list both members count neither way: nobody ends an alarm by staying away now and then.
struct OppositionWatch {
    /// So many versions in a row that list both raise the alarm.
    static let versionsLeast = 3
    static let versionsKept = 64

    /// One pair, and in how many of the last versions that list both they were opposed, without a break.
    struct Opposition: Hashable {
        let members: MemberPair
        let versions: Int
        /// The newest of these versions.
        let last: Height
    }

    /// Ascending by height, the last `versionsKept` heights.
    private var rounds: [(height: Height, figures: RoundFigures)] = []
    private(set) var alarms: [Opposition] = []

    /// Takes rounds in any order; those without figures and those that are known are passed over.
    ///
    /// - Returns: the alarms that are new.
    mutating func note(_ rows: [RoundRow]) -> [Opposition] {
        for row in rows {
            guard let figures = row.figures, !rounds.contains(where: { $0.height == row.height }) else { continue }
            rounds.insert((row.height, figures), at: rounds.firstIndex { $0.height > row.height } ?? rounds.count)
        }
        if let newest = rounds.last?.height.value {
            rounds.removeAll { $0.height.value + UInt64(OppositionWatch.versionsKept) <= newest }
        }
        let known = Set(alarms.map(\.members))
        alarms = oppositions
        return alarms.filter { !known.contains($0.members) }
    }

    private var oppositions: [Opposition] {
        var open: [MemberPair: Opposition] = [:]
        for (height, figures) in rounds {
            let opposed = figures.opposed
            if !open.isEmpty {
                let listed = Set(figures.authors)
                open = open.filter { pair, _ in
                    opposed.contains(pair) || !(listed.contains(pair.lower) && listed.contains(pair.higher))
                }
            }
            for pair in opposed {
                open[pair] = Opposition(members: pair, versions: (open[pair]?.versions ?? 0) + 1, last: height)
            }
        }
        return open.values.filter { $0.versions >= OppositionWatch.versionsLeast }
            .sorted { ($0.members.lower, $0.members.higher) < ($1.members.lower, $1.members.higher) }
    }
}
