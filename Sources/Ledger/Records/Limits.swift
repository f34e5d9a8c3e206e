/// What a record may claim at most. Checked while decoding, before anything of that size is allocated.
public enum Limits {
    public static let heightMaximum: UInt64 = 1 << 48
    /// Of steps and of tokens: what JSON numbers hold exactly.
    public static let countMaximum: UInt64 = (1 << 53) - 1
    public static let viewMaximum: UInt32 = 1 << 24
    /// So many that the signatures of all of them still fit a control message.
    public static let members = 1000
    /// Statements of one closing: as many names as one message takes.
    public static let closingStatements = 1_800
    public static let memberNameBytes = 32
    public static let tombstones = 4096
    public static let tensors = 4096
    public static let tensorNameBytes = 256
    public static let tensorRank = 8
    public static let dimensionMaximum: UInt64 = 1 << 40
    /// Of all tensors of a model together.
    public static let parameters: UInt64 = 1 << 40
    /// Values per leaf of a version's Merkle trees.
    public static let blockParameters: UInt64 = 262_144
    public static let attachments = 16
    public static let attachmentNameBytes = 64
    /// Tokenizers of large vocabularies take tens of megabytes.
    public static let attachmentBytes = 64 << 20
    /// A genesis with its attachments and signatures.
    public static let genesisFileBytes = 256 << 20
    public static let dataSets = 64
    /// Of a reported loss: 10,000 nats per token.
    public static let lossCentinats: UInt64 = 1_000_000
    public static let pieceBytesMinimum: UInt32 = 1 << 10
    public static let pieceBytesMaximum: UInt32 = 1 << 20
    public static let payloadBytesMaximum: UInt64 = 1 << 40
    /// Pieces of one contribution: as many as one message can name. Payloads of many bytes need large pieces.
    public static let pieces = 1 << 18
    public static let addresses = 8
    public static let addressBytes = 256
    /// Slots that one ready record or manifest may name: one an author and base, of a bounded number of bases.
    public static let slots = 4096
    /// Commitments that one `closed` statement may name: two such statements, as evidence, fit a message.
    public static let commitments = 256
    /// Rounds on whose `closed` statements one version may rest: one a base.
    public static let closings = 17
    /// How far an action's number may lie above the last one on its subject.
    public static let sequenceStep: UInt64 = 1 << 20
    /// Governance actions that one ready record names, and reviews that it carries: what does not fit waits a height.
    public static let readyActions = 16
    public static let readyReviews = 64
    /// Meshes of so many members say everything in full: a version that lists all of them fits a message.
    public static let fullMembers = 200
    /// Slots that a member of a mesh of so many names in a ready record.
    public static func readySlots(memberCount: Int) -> Int { memberCount <= fullMembers ? 480 : 96 }
    /// Exclusions that a chain can hold, for ever.
    public static let reverts = 4096
    /// A record that travels as a control message.
    public static let recordBytes = 64 << 10
}
