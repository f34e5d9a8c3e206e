/// One port of the relay: whoever is `from` connects to it in order to reach `to`.
struct StreamRoute: Equatable, Sendable {
    let path: Path
    /// On 127.0.0.1; 0 takes a free one.
    let listenPort: UInt16
    /// On 127.0.0.1.
    let targetPort: UInt16

    /// - Parameter text: `FROM:TO:LISTEN:TARGET`.
    init?(_ text: String, siteNames: [String]) {
        let words = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 4, let from = siteNames.firstIndex(of: words[0]),
            let to = siteNames.firstIndex(of: words[1]), from != to, let listen = UInt16(words[2]),
            let target = UInt16(words[3])
        else { return nil }
        path = Path(from: SiteIndex(from), to: SiteIndex(to))
        listenPort = listen
        targetPort = target
    }

    init(path: Path, listenPort: UInt16, targetPort: UInt16) {
        self.path = path
        self.listenPort = listenPort
        self.targetPort = targetPort
    }
}
