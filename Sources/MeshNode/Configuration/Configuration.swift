import Gossip
import Ledger

/// What an operator tells a daemon. Paths are absolute, or relative to the process; addresses are `host:port`.
struct Configuration: Sendable {
    struct Mesh: Equatable, Sendable {
        /// The founding file that all sites share.
        var genesis: String
        /// Where version 0 is read from: a directory with `model.safetensors`, or such a file. A founder's; without it
        /// the parameters come from peers.
        var model: String?
        /// Where other sites connect to; port 0 takes a free one.
        var listen: [String]
        /// What is announced of this site. Empty for a site that only dials.
        var announce: [String]
        /// Where to look for the mesh at first: one reachable address is enough.
        var peers: [String]
        /// A version that must be on the chain before this site takes parameters from peers: an invitation names one.
        var expected: VersionDigest?
        /// Where that version stands: any other one there is somebody else's fork.
        var expectedHeight: Height?
    }

    struct Site: Equatable, Sendable {
        /// As in the genesis; where it is given, it must be the name of the member whose node key this is.
        var name: String?
        var stateDirectory: String
        var nodeKey: String
        var linkKey: String
        /// A file with the passphrase of both keys on its first line.
        var passphraseFile: String?
        /// The site's public card: who it is before the mesh has admitted it.
        var card: String?
    }

    /// Where a control socket is, and who may connect to it.
    struct Socket: Equatable, Sendable {
        /// At most 107 bytes.
        var path: String
        /// 0660 where true, else 0600.
        var isForGroup = false
        /// The group of the file, by name; the process's own where it is nil.
        var group: String?
    }

    struct Sockets: Equatable, Sendable {
        var trainer: Socket
        var `operator`: Socket
        /// Only reading; nil where the site has none.
        var auditor: Socket?
    }

    var mesh: Mesh
    var site: Site
    var sockets: Sockets
    var timing = Timing()
    /// Threads for encoding, decoding, averaging and hashing.
    var workerCount: Int
}
