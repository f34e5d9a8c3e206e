import Gossip

/// Certified versions that are being read from the store for peers: few at a time for each. What a peer asks for beyond
/// that it does not get, and asks again.
struct VersionAnswers {
    private var underWay: [LinkID: Int] = [:]

    static let maximumPerLink = 2

    /// Whether one more may be read for this link; if so it counts until `end`.
    mutating func begin(_ link: LinkID) -> Bool {
        let count = underWay[link] ?? 0
        guard count < VersionAnswers.maximumPerLink else { return false }
        underWay[link] = count + 1
        return true
    }

    mutating func end(_ link: LinkID) {
        let count = (underWay[link] ?? 0) - 1
        underWay[link] = count > 0 ? count : nil
    }
}
