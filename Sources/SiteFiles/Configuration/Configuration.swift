import Gossip
import Ledger

/// What an operator tells a daemon. Paths are absolute, or relative to the process; addresses are `host:port`.
public struct Configuration: Sendable {
    public struct Mesh: Equatable, Sendable {
        /// The founding file that all sites share.
        public var genesis: String
        /// Where version 0 is read from: a directory with `model.safetensors`, or such a file. A founder's; without it
        /// the parameters come from peers.
        public var model: String?
        /// Where other sites connect to; port 0 takes a free one.
        public var listen: [String]
        /// What is announced of this site. Empty for a site that only dials.
        public var announce: [String]
        /// Where to look for the mesh at first: one reachable address is enough.
        public var peers: [String]
        /// A version that must be on the chain before this site takes parameters from peers: an invitation names one.
        public var expected: VersionDigest?
        /// Where that version stands: any other one there is somebody else's fork.
        public var expectedHeight: Height?
    }

    public struct Site: Equatable, Sendable {
        /// As in the genesis; where it is given, it must be the name of the member whose node key this is.
        public var name: String?
        public var stateDirectory: String
        public var nodeKey: String
        public var linkKey: String
        /// A file with the passphrase of both keys on its first line.
        public var passphraseFile: String?
        /// The site's public card: who it is before the mesh has admitted it.
        public var card: String?
    }

    /// Where a control socket is, and who may connect to it.
    public struct Socket: Equatable, Sendable {
        /// At most 107 bytes.
        public var path: String
        /// 0660 where true, else 0600.
        public var isForGroup = false
        /// The group of the file, by name; the process's own where it is nil.
        public var group: String?
    }

    public struct Sockets: Equatable, Sendable {
        public var trainer: Socket
        public var `operator`: Socket
        /// Only reading; nil where the site has none.
        public var auditor: Socket?
    }

    public var mesh: Mesh
    public var site: Site
    public var sockets: Sockets
    public var timing = Timing()
    /// Threads for encoding, decoding, averaging and hashing.
    public var workerCount: Int
}
