/// The lives of one member's daemon, as its questions on links show them. A restart shows a new one; two daemons with
/// one key take each other's place again and again, so that a life that was over comes back.
struct InstanceLog {
    /// Latest last.
    private var seen: [(instance: InstanceID, returns: Int)] = []

    private static let capacity = 8
    /// One return may be a link that came up late; a second is none.
    private static let returnsOfDuplicates = 2

    mutating func note(_ instance: InstanceID) {
        guard seen.last?.instance != instance else { return }
        if let index = seen.firstIndex(where: { $0.instance == instance }) {
            let known = seen.remove(at: index)
            seen.append((instance, min(known.returns + 1, InstanceLog.returnsOfDuplicates)))
        } else {
            seen.append((instance, 0))
            if seen.count > InstanceLog.capacity { seen.removeFirst() }
        }
    }

    /// Whether `instance` was displaced by others and came back, more than once.
    func hasDuplicateInstance(_ instance: InstanceID) -> Bool {
        seen.contains { $0.instance == instance && $0.returns >= InstanceLog.returnsOfDuplicates }
    }
}
