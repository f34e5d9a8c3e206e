/// What `meshctl` takes from a daemon's configuration file.
struct SiteConfiguration {
    let path: String
    let settings: Settings
    let genesis: String
    let model: String?
    let stateDirectory: String
    let nodeKey: String
    let linkKey: String
    let passphraseFile: String?
    /// Where operators ask the daemon.
    let operatorSocket: String
    let listen: [String]
    let announce: [String]
    let peers: [String]

    init(path: String) throws {
        let settings = try Settings(path: path)
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        func file(_ key: String) throws -> String {
            guard let text = settings.string(key), !text.isEmpty else {
                throw Failure("\(path): \(key) is missing: expected a path in quotes")
            }
            return text.hasPrefix("/") ? text : folder + text
        }
        func optionalFile(_ key: String) throws -> String? { settings.entries[key] == nil ? nil : try file(key) }
        self.path = path
        self.settings = settings
        genesis = try file("mesh.genesis")
        model = try optionalFile("mesh.model")
        stateDirectory = try file("site.state")
        nodeKey = try file("site.node_key")
        linkKey = try file("site.link_key")
        passphraseFile = try optionalFile("site.passphrase_file")
        let directory = try optionalFile("sockets.directory") ?? folder
        let socket = settings.string("sockets.operator") ?? "operator.sock"
        operatorSocket =
            socket.hasPrefix("/") || directory.isEmpty
            ? socket : directory + (directory.hasSuffix("/") ? "" : "/") + socket
        listen = settings.strings("mesh.listen") ?? []
        announce = settings.strings("mesh.announce") ?? []
        peers = settings.strings("mesh.peers") ?? []
    }
}
