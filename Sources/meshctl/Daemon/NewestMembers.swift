import ArgumentParser
import Control
import Ledger
import Rounds
import System

/// The newest member set that something proves: members come and go and change their keys after the founding, so a verb that
/// judges keys by the genesis alone would find faults that are none.
struct NewestMembers {
    enum Source: Equatable {
        /// Nothing newer was at hand. Members may have changed since.
        case genesis
        /// This site's own daemon, whose chain is verified from the genesis on.
        ///
        /// - Parameter isBehind: whether it knows of newer versions that it has not got yet.
        case daemon(isBehind: Bool)
        /// An exported ledger, verified here.
        case ledger(String)
    }

    let members: MemberSet
    /// The version that the set signs next.
    let height: Height
    let source: Source

    private init(_ members: MemberSet, _ height: Height, _ source: Source) {
        self.members = members
        self.height = height
        self.source = source
    }

    /// The founders.
    init(_ genesis: Genesis) { self.init(genesis.members, Height.genesis.next, .genesis) }

    /// What the daemon says.
    ///
    /// - Throws: `Failure` where it is in another network than the genesis founds.
    init(_ connection: DaemonConnection, _ genesis: Genesis) throws {
        try connection.check(genesis)
        let phase = try connection.ask(StatusRequest()).phase
        let response = try connection.ask(MembersRequest())
        self.init(
            try response.memberSet(), Height(UInt64(clamping: response.height)),
            .daemon(isBehind: phase == .catchingUp || phase == .recovering))
    }

    /// What an exported ledger proves.
    init(ledger path: String, _ genesis: Genesis) throws {
        var audit = try LedgerAudit(genesis: genesis, ledger: path, expect: nil)
        let chain = try audit.chain { _ in }
        self.init(chain.members, chain.nextHeight, .ledger(path))
    }

    /// The newest of what an exported ledger and a daemon prove.
    ///
    /// - Parameters:
    ///   - ledger: must be valid where it is named.
    ///   - sockets: where a daemon of this site may listen; one that does not answer, or is in another network, is passed over.
    static func find(_ genesis: Genesis, ledger: String?, sockets: [String]) throws -> NewestMembers {
        var found: [NewestMembers] = []
        if let ledger { found.append(try NewestMembers(ledger: ledger, genesis)) }
        for socket in sockets where File.exists(socket) {
            guard let connection = try? DaemonConnection(path: socket),
                let daemon = try? NewestMembers(connection, genesis)
            else { continue }
            found.append(daemon)
        }
        // At the height of the founding too, a daemon that is not behind says more than the genesis.
        return found.max { $0.height < $1.height } ?? NewestMembers(genesis)
    }

    /// What to do for certainty where a key is not in the set; nil where the key is wrong for certain.
    ///
    /// Keys are rotated and sites admitted after the founding, so an older set than the mesh's proves nothing.
    var advice: String? {
        let ledger = "give --ledger FILE, which a member exports with meshctl ledger export"
        return switch source {
        case .genesis:
            "Keys may have been rotated and members admitted since the founding: start the daemon, or \(ledger)"
        case .daemon(isBehind: true): "This site's daemon is still catching up: wait for it, or \(ledger)"
        case .daemon(isBehind: false), .ledger: nil
        }
    }

    /// Whether a key that is not in the set is wrong for certain.
    var isConclusive: Bool { advice == nil }

    /// `the member set of version 7 (this site's daemon)`.
    var words: String {
        switch source {
        case .genesis: "the genesis"
        case .daemon: "the member set of version \(height) (this site's daemon)"
        case .ledger(let path): "the member set of version \(height) (\(path))"
        }
    }
}

/// An exported ledger that proves a newer member set than the genesis.
struct LedgerOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "An exported ledger: judge keys by its newest member set, not by the genesis.", valueName: "file"))
    var ledger: String?
}
