import Ledger

/// One address of a peer list and what was found there, in words.
struct PeerReport: Encodable {
    enum Verdict: String, Encodable {
        case good
        case itself = "self"
        /// May come right by itself: the other site is not up yet.
        case unreachable
        /// Its keys are not in the member set that is known here, and the mesh may have a newer one.
        case unknown
        /// Somebody must change something.
        case wrong
    }

    let address: String
    let verdict: Verdict
    /// The site that answered.
    let site: String?
    let message: String

    /// - Parameters:
    ///   - newest: what keys are judged by.
    ///   - others: whom an invitation names besides.
    init(
        _ entry: PeerList.Entry, _ finding: ProbeFinding, network ours: NetworkID, _ newest: NewestMembers,
        others: [Member] = []
    ) {
        address = entry.address
        func name(_ id: MemberID) -> String {
            newest.members[id]?.name ?? others.first { $0.id == id }?.name ?? id.short
        }
        // Of a set that may be out of date.
        let advice = newest.advice.map { ". \($0)" } ?? ""
        let unknown = newest.isConclusive ? Verdict.wrong : .unknown
        switch finding {
        case .member(let id):
            site = name(id)
            if let expected = entry.site, expected != name(id) {
                verdict = .wrong
                message = "\(name(id)) answers where \(expected) was expected: two addresses are mixed up"
            } else {
                verdict = .good
                message = "\(name(id)) answers, with the keys that \(newest.words) names"
            }
        case .itself:
            site = nil
            verdict = .itself
            message = "this is this site itself"
        case .unresolved(let why):
            site = nil
            verdict = .wrong
            message = "the name cannot be resolved: \(why)"
        case .unreachable(let why):
            site = nil
            verdict = .unreachable
            message = "unreachable: \(why)"
        case .silent:
            site = nil
            verdict = .unreachable
            message = "connected, but nothing answers: does something else listen there?"
        case .closedEarly:
            site = nil
            verdict = .unreachable
            message = "connected, but it hangs up at once: it may be busy, or it is something else"
        case .notAMesh:
            site = nil
            verdict = .wrong
            message = "something else than meshnode answers there"
        case .otherNetwork(let network):
            site = nil
            verdict = .wrong
            let theirs =
                network.map { "; by its own word it is of network \($0.short)" } ?? " (or another wire version)"
            message =
                network == ours
                ? "a meshnode with another wire version answers there"
                : "wrong network: a meshnode with another genesis file answers there\(theirs), this site is of \(ours.short)"
        case .notAMember(let key):
            site = nil
            verdict = unknown
            message =
                "not a member: no member of \(newest.words) has its link key \(key.description.prefix(12))\(advice)"
        case .wrongKey(let id):
            site = name(id)
            verdict = unknown
            message =
                "wrong key: it has \(name(id))'s link key but not the node key that \(newest.words) names\(advice)"
        }
    }

    static func table(_ reports: [PeerReport]) -> String {
        var table = Table(["address", "", "what was found"])
        for report in reports {
            let mark: Table.Cell =
                switch report.verdict {
                case .good: .init("ok", .good)
                case .itself: .init("self", .quiet)
                case .unreachable, .unknown: .init("?", .warning)
                case .wrong: .init("wrong", .bad)
                }
            table.append([.init(report.address), mark, .init(report.message)])
        }
        return table.rendered()
    }
}
