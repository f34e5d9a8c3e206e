import Crypto
import Gossip
import Ledger

extension Checkers {
    /// An honest member holds this evidence for good: it must prove, by the checkers' own reading, that a Byzantine
    /// member contradicted itself.
    func holds(_ evidence: Evidence, by member: Int) {
        let statements = RecordScan(evidence.cbor).statements
        guard statements.count == 2, statements[0].claim.signer == statements[1].claim.signer else {
            return report(.wrongEvidence, "member \(member) holds two signers as one")
        }
        let (first, second) = (statements[0].claim, statements[1].claim)
        if isHonest(first.signer) {
            report(.wrongEvidence, "member \(member) accuses an honest one: \(first) and \(second)")
        }
        let contradicts =
            first.place == second.place ? first.content != second.content : first.excluded == second.place
        guard contradicts, isValid(statements[0]), isValid(statements[1]) else {
            return report(.wrongEvidence, "member \(member) holds what proves nothing: \(first) and \(second)")
        }
        accused[member].insert(first.signer)
    }
}

extension Checkers {
    /// Something that a culprit put on a wire. Two contributions in one slot are what honest members cannot miss: they
    /// compare what they hold.
    func watch(_ bytes: [UInt8]) {
        for statement in scans.scan(bytes).statements {
            guard case .contribution = statement.claim.place, isValid(statement) else { continue }
            let place = SignedPlace(signer: statement.claim.signer, place: statement.claim.place)
            if let other = shown[place], other != statement.claim.content { contradicted.insert(place.signer) }
            shown[place] = shown[place] ?? statement.claim.content
        }
    }
}

extension Cluster {
    /// Whether a member put two contributions for one slot on wires.
    func hasContradicted(_ member: Int) -> Bool { checkers.contradicted.contains(checkers.people[member]) }

    /// To be asked at the end, of the disks: what a crash made a member forget does not count.
    func checkConvictions() {
        for site in sites where site.isHonest && !site.isDead {
            for culprit in culprits.filter(hasContradicted)
            where !checkers.accused[site.member].contains(checkers.people[culprit]) {
                checkers.report(.missingEvidence, "member \(site.member) holds nothing against \(culprit)")
            }
            guard let process = site.process else { continue }
            let reported = Set(process.node.report(now: process.clock.reading(at: now)).accused.map(\.member))
            if !reported.isSubset(of: checkers.accused[site.member]) {
                checkers.report(.wrongEvidence, "member \(site.member) reports evidence that is not on its disk")
            }
        }
    }
}
