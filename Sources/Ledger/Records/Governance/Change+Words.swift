import Crypto

/// What an action does, in a line for people. Names alone could mislead whoever is about to sign, so ids and keys stand
/// beside them.
extension Change {
    /// What kind of change it is: a word of the ledger.
    public var kind: String {
        switch self {
        case .admit: "admit"
        case .remove: "remove"
        case .rotate: "rotate"
        case .rules: "rules"
        case .revert: "revert"
        case .switchToReplay: "switch"
        }
    }

    /// The site that comes, goes or gets new keys.
    public var member: MemberID? {
        switch self {
        case .admit(let member), .rotate(let member): member.id
        case .remove(let id): id
        case .rules, .revert, .switchToReplay: nil
        }
    }

    /// - Parameters:
    ///   - members: the set that it acts on: gives names and present keys.
    ///   - rules: those that are in force.
    public func words(_ members: MemberSet, _ rules: Rules) -> String {
        switch self {
        case .admit(let member):
            "admit \(member.name), member \(member.id.short), operator key \(Self.short(member.operatorKey.description))"
        case .remove(let id): "remove \(members[id]?.name ?? "a former member"), member \(id.short)"
        case .rotate(let member):
            "give \(member.name), member \(member.id.short), \(rotated(member, members[member.id])) of epoch \(member.keyEpoch)"
        case .rules(let new): "change \(new.differences(from: rules).joined(separator: ", "))"
        case .revert(let exclusion, let from): "take \(exclusion.words) back from version \(from) on"
        case .switchToReplay: "switch to the replayed state"
        }
    }

    private static func short(_ key: String) -> String { String(key.prefix(12)) }

    private func rotated(_ member: Member, _ present: Member?) -> String {
        let operatorWords =
            present.map { $0.operatorKey != member.operatorKey } ?? false
            ? "a new operator key \(Self.short(member.operatorKey.description)), " : ""
        return operatorWords + "a new node key \(Self.short(member.nodeKey.description))"
            + (present?.linkKey == member.linkKey
                ? "" : " and a new link key \(Self.short(member.linkKey.description))")
    }
}

extension Exclusion {
    /// What is excluded, as a part of a sentence.
    public var words: String {
        switch self {
        case .contribution(let digest): "contribution \(digest.short)"
        case .dataSet(let digest, let bindsFuture):
            "all that names data set \(digest.short)" + (bindsFuture ? ", now and in future," : "")
        }
    }
}

extension Rules {
    /// The rules that differ, by ascending name: `review open -> veto-window`.
    public func differences(from old: Rules) -> [String] {
        guard case .map(let before) = old.cbor, case .map(let after) = cbor else { return [] }
        var values: [ExactText: CBOR] = [:]
        for entry in before { values[ExactText(entry.key)] = entry.value }
        return after.filter { values[ExactText($0.key)] != $0.value }.sorted { ExactText($0.key) < ExactText($1.key) }
            .map { entry in
                "\(entry.key) \(values[ExactText(entry.key)].map(Rules.words) ?? "none") -> \(Rules.words(entry.value))"
            }
    }

    private static func words(_ value: CBOR) -> String {
        switch value {
        case .unsigned(let number): return String(number)
        case .text(let text): return text
        default:
            guard let encoding = try? Encoding(cbor: value) else { return "another value" }
            return encoding.description
        }
    }
}
