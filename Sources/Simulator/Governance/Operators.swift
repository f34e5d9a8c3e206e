import Crypto
import Gossip
import Ledger

/// The operators of a cluster: their keys, and what they have proposed.
struct Operators {
    /// Whoever asks to be admitted does so with this record.
    let people: [Member]
    /// Of each person, the oldest first: after a rotation the newest counts.
    var keys: [[SigningKey]]
    /// What may still take effect.
    var open: [GovernanceAction] = []
    /// Who has been given new keys, and who has asked to be admitted: both once.
    var rotated: Set<Int> = []
    var random: SeededRandom

    init(_ founding: Founding, random: SeededRandom) {
        people = founding.people
        keys = founding.operatorKeys.map { [$0] }
        self.random = random
    }

    /// The key of this person that the given members know.
    func key(of person: Int, in members: MemberSet) -> (key: SigningKey, epoch: UInt32)? {
        guard let member = members[people[person].id],
            let key = keys[person].first(where: { $0.verifyingKey == member.operatorKey })
        else { return nil }
        return (key, member.keyEpoch)
    }
}
