/// Room that a node keeps free on the disk of its state, so that what it must write finds room whatever peers send.
public enum DiskReserve {
    /// For the journal, the ledger and their temporary files, in bytes.
    public static let recordBytes: UInt64 = 64 << 20

    /// Records, and the parameters of the next version with their Merkle leaves, in bytes.
    ///
    /// - Parameters:
    ///   - tensors: those of the genesis.
    ///   - optimizer: of the rules.
    public static func bytes(tensors: [TensorShape], optimizer: InnerOptimizer) -> UInt64 {
        let parameters = TensorShape.parameterCount(of: tensors) ?? 0
        return [parameters, optimizer.stateCount(parameterCount: parameters)].reduce(recordBytes) { bytes, count in
            bytes + 4 * count + 32 * ((count + Limits.blockParameters - 1) / Limits.blockParameters)
        }
    }

    /// Which incomplete payloads go so that the reserve is free again: the largest first, of equal ones the lower name,
    /// no more than needed.
    public static func dropped<Name: Comparable>(
        of incomplete: [(name: Name, bytes: UInt64)], free: UInt64, reserve: UInt64
    ) -> [Name] {
        var room = free
        var dropped: [Name] = []
        for payload in incomplete.sorted(by: { ($1.bytes, $0.name) < ($0.bytes, $1.name) }) {
            guard room < reserve else { break }
            let (sum, overflow) = room.addingReportingOverflow(payload.bytes)
            room = overflow ? .max : sum
            dropped.append(payload.name)
        }
        return dropped
    }
}
