/// `status`: where the mesh stands, what it waits for, and why.
public struct StatusRequest: ControlMethod {

    public typealias Response = StatusResponse
    public static let schema = MethodSchema(
        "status", role: .auditor)

    public init() {
    }
}

/// One site's view of the mesh.
public struct StatusResponse: Codable, Hashable, Sendable {
    public let site: SiteName
    public let network: DigestText
    /// Of the newest certified version.
    public let height: Int64
    /// Its digest.
    public let head: DigestText
    /// The view of the height that is being agreed on; 1 is the first.
    public let view: Int64
    public let phase: RoundPhase
    /// How long the phase lasts already.
    public let phaseMilliseconds: Int64
    /// Whom the round waits for, by ascending site name; empty when for nobody.
    public let waitsFor: [Waiting]
    /// Sites in the member set.
    public let members: Int64
    /// Signatures that a certificate takes.
    public let quorum: Int64
    /// Every other member, by ascending site name.
    public let peers: [PeerState]
    public let trainer: TrainerState
    public let disk: DiskState
    /// What a person must look at; empty in good times.
    public let alarms: [Alarm]
    /// Memory of the daemon.
    public let residentBytes: Int64
    public let uptimeMilliseconds: Int64
    /// Whether this site is in the member set; one that is invited, or was removed, follows and signs nothing.
    public let isMember: Bool
    /// Governance actions that are proposed and not in force.
    public let proposals: Int64
    /// Sites that this one has invited and that are no members.
    public let observers: Int64
    /// The replay that a revert waits for; absent while none is pending.
    public let replay: ReplayState?
    /// What the state directory holds, as far as it was counted yet.
    public let diskUse: DiskUse?
    /// Members whose contributions a version must list at least, or it lists none.
    public let minContributions: Int64
    /// Members whose contributions are certified as available for the next version.
    public let availableContributions: Int64
    /// Every address of the configuration, ascending: who answers there, or why nobody does.
    public let addresses: [AddressState]
    /// Log messages that were dropped since the start, because standard error did not take them.
    public let droppedLogMessages: Int64
    /// Why the trainer hands nothing over; absent while it works, or says nothing.
    public let trainerTrouble: TrainerTrouble?

    public init(
        site: SiteName, network: DigestText, height: Int64, head: DigestText, view: Int64, phase: RoundPhase,
        phaseMilliseconds: Int64, waitsFor: [Waiting], members: Int64, quorum: Int64, peers: [PeerState],
        trainer: TrainerState, disk: DiskState, alarms: [Alarm], residentBytes: Int64, uptimeMilliseconds: Int64,
        isMember: Bool = true, proposals: Int64 = 0, observers: Int64 = 0, diskUse: DiskUse? = nil,
        replay: ReplayState? = nil, minContributions: Int64 = 1, availableContributions: Int64 = 0,
        addresses: [AddressState] = [], droppedLogMessages: Int64 = 0, trainerTrouble: TrainerTrouble? = nil
    ) {
        self.replay = replay
        self.minContributions = minContributions
        self.availableContributions = availableContributions
        self.addresses = addresses
        self.droppedLogMessages = droppedLogMessages
        self.trainerTrouble = trainerTrouble
        self.site = site
        self.network = network
        self.height = height
        self.head = head
        self.view = view
        self.phase = phase
        self.phaseMilliseconds = phaseMilliseconds
        self.waitsFor = waitsFor
        self.members = members
        self.quorum = quorum
        self.peers = peers
        self.trainer = trainer
        self.disk = disk
        self.alarms = alarms
        self.residentBytes = residentBytes
        self.uptimeMilliseconds = uptimeMilliseconds
        self.isMember = isMember
        self.proposals = proposals
        self.observers = observers
        self.diskUse = diskUse
    }
}

/// Bytes in a state directory, by what they are for.
public struct DiskUse: Codable, Hashable, Sendable {
    /// Records: they are kept for ever.
    public let ledgerBytes: Int64
    /// Payloads of contributions.
    public let payloadBytes: Int64
    /// Parameters of versions.
    public let parameterBytes: Int64
    /// Versions whose parameters are kept.
    public let bases: Int64
    /// The oldest version whose parameters are kept: a revert of anything listed up to it cannot be computed any more.
    public let oldestBase: Int64

    public init(ledgerBytes: Int64, payloadBytes: Int64, parameterBytes: Int64, bases: Int64, oldestBase: Int64) {
        self.ledgerBytes = ledgerBytes
        self.payloadBytes = payloadBytes
        self.parameterBytes = parameterBytes
        self.bases = bases
        self.oldestBase = oldestBase
    }
}

/// What the height that is being agreed on is at.
public enum RoundPhase: String, Codable, Hashable, Sendable, CaseIterable {
    /// Contributions are trained, fetched and acknowledged.
    case collecting
    /// Ready records are gathered.
    case ready
    /// A proposal is awaited or recomputed.
    case proposing
    /// Notarizations are gathered.
    case notarizing
    /// Finalizations are gathered.
    case finalizing
    /// The node fetches and replays versions that others have certified.
    case catchingUp = "catching-up"
    /// The node finds out what it signed before it lost its journal, and signs nothing.
    case recovering
    /// The node signs nothing until a person has acted; the alarms say why.
    case stopped
}

/// One site that a round waits for.
public struct Waiting: Codable, Hashable, Sendable {
    public let site: SiteName
    public let reason: Reason

    public enum Reason: String, Codable, Hashable, Sendable, CaseIterable {
        /// Its trainer has handed nothing over yet.
        case contribution
        /// Its contribution is being fetched.
        case pieces
        /// Its acknowledgement of a contribution is missing.
        case acknowledgement
        /// Its statement of the commitments that it saw is missing: payloads are shown once a quorum has made one.
        case closed
        case ready
        case proposal
        case notarize
        case finalize
        /// It cannot be reached.
        case unreachable
    }

    public init(site: SiteName, reason: Reason) {
        self.site = site
        self.reason = reason
    }
}

/// Whether a member can be reached, in short.
public struct PeerState: Codable, Hashable, Sendable {
    public let site: SiteName
    public let link: LinkState
    /// The last error, for people; absent where there was none.
    public let error: String?

    public init(site: SiteName, link: LinkState, error: String? = nil) {
        self.site = site
        self.link = link
        self.error = error
    }
}

/// An address of the configuration.
public struct AddressState: Codable, Hashable, Sendable {
    /// `host:port`, as it is configured.
    public let address: String
    public let link: LinkState
    /// The member that answers there, or answered there last.
    public let site: SiteName?
    /// Why there is no link, for people: for a name, the error of each address that it leads to.
    public let error: String?

    public init(address: String, link: LinkState, site: SiteName? = nil, error: String? = nil) {
        self.address = address
        self.link = link
        self.site = site
        self.error = error
    }
}

/// The link to a member.
public enum LinkState: String, Codable, Hashable, Sendable, CaseIterable {
    case up
    case connecting
    case down
    /// Its address is not known.
    case unknown
}

/// Whether a trainer is there, and what it does.
public enum TrainerState: String, Codable, Hashable, Sendable, CaseIterable {
    case absent
    /// Attached; the daemon waits for its contribution.
    case training
    /// A contribution is being handed over.
    case transferring
    /// Its contribution to the present base is done.
    case done
}

/// Why a trainer hands nothing over.
public enum TrainerTrouble: String, Codable, Hashable, Sendable, CaseIterable {
    /// A loss or a parameter became infinite or not a number: a person must change the recipe or the data.
    case nonFiniteLoss = "non-finite-loss"
    /// Its own state directory has no room: it waits until there is some.
    case diskFull = "disk-full"
}

/// Whether state can be written.
public enum DiskState: String, Codable, Hashable, Sendable, CaseIterable {
    case writable
    case full
    case readOnly = "read-only"
    case failed
}

/// Something that a person must look at.
public struct Alarm: Codable, Hashable, Sendable {
    public let kind: Kind
    /// For people.
    public let message: String

    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        case disk
        case corruption
        case equivocation
        /// Two members' contributions cancel each other, version after version.
        case opposedContributions = "opposed-contributions"
        case conflictingCertificates = "conflicting-certificates"
        case duplicateKey = "duplicate-key"
        case wrongGenesis = "wrong-genesis"
        case recovery
        /// The trainer says that it cannot go on.
        case trainer
        /// A key that a rotation retired could not be erased.
        case retiredKey = "retired-key"
        /// A contribution that others hold as valid is refused here, or no version can list it.
        case refusedContribution = "refused-contribution"
    }

    public init(kind: Kind, message: String) {
        self.kind = kind
        self.message = message
    }
}

/// `peers`: the links to all other members.
public struct PeersRequest: ControlMethod {

    public typealias Response = PeersResponse
    public static let schema = MethodSchema(
        "peers", role: .auditor)

    public init() {
    }
}

/// The links, by ascending site name.
public struct PeersResponse: Codable, Hashable, Sendable {
    public let peers: [PeerDetail]

    public init(peers: [PeerDetail]) {
        self.peers = peers
    }
}

/// One link in full.
public struct PeerDetail: Codable, Hashable, Sendable {
    public let site: SiteName
    /// `host:port`, as its address record or the peer list says.
    public let addresses: [String]
    public let link: LinkState
    /// The last error, for people.
    public let error: String?
    /// Of the last probe.
    public let roundTripMicroseconds: Int64?
    /// Since the daemon started.
    public let receivedBytes: Int64
    /// Since the daemon started.
    public let sentBytes: Int64
    /// What pieces of contributions and blocks of parameters took of the received bytes, as they came: compressed, with
    /// headers and proofs.
    public let receivedPieceBytes: Int64
    /// The newest height that it reported.
    public let height: Int64?

    public init(
        site: SiteName, addresses: [String], link: LinkState, error: String? = nil, roundTripMicroseconds: Int64? = nil,
        receivedBytes: Int64, sentBytes: Int64, receivedPieceBytes: Int64, height: Int64? = nil
    ) {
        self.site = site
        self.addresses = addresses
        self.link = link
        self.error = error
        self.roundTripMicroseconds = roundTripMicroseconds
        self.receivedBytes = receivedBytes
        self.sentBytes = sentBytes
        self.receivedPieceBytes = receivedPieceBytes
        self.height = height
    }
}

/// `doctor`: checks configuration, keys, disk, clock and reachability.
public struct DoctorRequest: ControlMethod {

    public typealias Response = DoctorResponse
    public static let schema = MethodSchema(
        "doctor", role: .auditor)

    public init() {
    }
}

/// What was checked, in a fixed order.
public struct DoctorResponse: Codable, Hashable, Sendable {
    public let checks: [Check]

    public enum Outcome: String, Codable, Hashable, Sendable, CaseIterable {
        case pass
        case warning
        case failure
    }

    public init(checks: [Check]) {
        self.checks = checks
    }
}

/// One thing that `doctor` looked at.
public struct Check: Codable, Hashable, Sendable {
    /// What was checked, in a few words.
    public let name: String
    public let outcome: DoctorResponse.Outcome
    /// For people: what was found, and what to do.
    public let message: String
    /// How often it was seen, where it is something that happens again and again.
    public let count: Int64?
    /// When it was seen last: seconds since 1970 by the clock of the daemon's machine, for people.
    public let lastAt: Int64?

    public init(
        name: String, outcome: DoctorResponse.Outcome, message: String, count: Int64? = nil, lastAt: Int64? = nil
    ) {
        self.name = name
        self.outcome = outcome
        self.message = message
        self.count = count
        self.lastAt = lastAt
    }
}
