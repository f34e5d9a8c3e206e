import Ledger

/// A promise of the mesh, and the strongest attacks on it that colluding members mount in simulated clusters: as many
/// as the promise holds against, one more, and, where one more is not enough either, as many as it takes.
///
/// A promise is a case here and a method of `AttackSuite`.
public enum Drill: String, Sendable, CaseIterable {
    case rewrite
    case stall
    case expel
    case dominate
    case censor
    case changeRules = "change-rules"
    case takeBack = "take-back"
    case readData = "read-data"
    case erase

    /// One attack, run in some clusters.
    public struct Row: Sendable {
        public let promise: Drill
        public let attack: String
        public let colluders: Int
        public let members: Int
        public let clusters: Int
        /// What came of it, as it was measured.
        public let outcome: String
        /// Whether the attack really came before honest members, and they went on deciding where that is what it is
        /// about: what was not tried proves nothing.
        public let isTried: Bool
        /// Whether the promise was kept in every cluster.
        public let isKept: Bool
        /// Whether it must be, against so many.
        public let isPromised: Bool

        /// Whether the drill went as the protocol says: nobody promises anything against more.
        public var isAsPromised: Bool { isKept && isTried || !isPromised }
    }

    public var promise: String {
        switch self {
        case .rewrite: "no minority rewrites history"
        case .stall: "no minority stalls the chain"
        case .expel: "no minority expels a member"
        case .dominate: "no minority outweighs the others"
        case .censor: "no minority keeps a contribution out"
        case .changeRules: "no minority changes the rules"
        case .takeBack: "no minority takes back a version"
        case .readData: "nobody reads a site's data"
        case .erase: "no minority erases a contribution"
        }
    }

    /// - Parameters:
    ///   - members: of each cluster, 4 or more.
    ///   - clusters: of each row, 1 or more.
    public func run(members: Int, clusters: Int) -> [Row] {
        precondition(members >= 4 && clusters >= 1, "four members tolerate one fault")
        let faultBound = (members - 1) / 3
        func range(_ colluders: Int) -> AttackSuite {
            AttackSuite(members: members, colluders: colluders, clusters: clusters)
        }
        let usual = [range(faultBound), range(faultBound + 1)]
        let operators = usual + [range(Rules().operatorsNeeded(memberCount: members))]
        switch self {
        case .rewrite: return rows(usual, members, range) { $0.rewrite() }
        case .stall: return usual.map { $0.stall() }
        case .expel: return operators.map { $0.expel() }
        case .dominate:
            return usual.map { $0.dominateByNumbers() } + usual.map { $0.dominateByTokens() }
                + operators.map { $0.dominateByIdentities() } + rows(usual, members, range) { $0.dominateByExclusion() }
        case .censor: return rows(usual, members, range) { $0.censor() }
        case .changeRules: return operators.map { $0.changeRules() }
        case .takeBack:
            return operators.map { $0.revert() } + (usual + [range(2 * members / 3 + 1)]).map { $0.certifyAnother() }
        case .erase: return rows(usual, members, range) { $0.erase() }
        case .readData: return (usual + [range(members - 1)]).map { $0.readData() } + [range(1).leakData()]
        }
    }

    /// The usual rows, and where f + 1 are not enough in a mesh of this size, the first number that is.
    private func rows(
        _ usual: [AttackSuite], _ members: Int, _ range: (Int) -> AttackSuite, _ attack: (AttackSuite) -> Row
    ) -> [Row] {
        var rows = usual.map(attack)
        while let last = rows.last, last.isKept, last.colluders + 1 < members {
            rows.append(attack(range(last.colluders + 1)))
        }
        return rows
    }
}
