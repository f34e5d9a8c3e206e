/// `trainer.attach`: a trainer introduces itself and learns what to train from.
public struct TrainerAttach: ControlMethod {
    /// `ControlSchema.protocolVersion` of the trainer.
    public let protocolVersion: Int64
    /// Names the program and its settings; it stands in every contribution.
    public let trainerDigest: DigestText

    public typealias Response = TrainerAttached
    public static let schema = MethodSchema(
        "trainer.attach", role: .trainer,
        fields: [
            FieldSchema("protocolVersion", .integer(1...1000)),
            FieldSchema("trainerDigest", .digest),
        ])

    public init(protocolVersion: Int64, trainerDigest: DigestText) {
        self.protocolVersion = protocolVersion
        self.trainerDigest = trainerDigest
    }
}

/// What a trainer must know before it trains.
public struct TrainerAttached: Codable, Hashable, Sendable {
    public let network: DigestText
    public let site: SiteName
    /// The height of the newest certified version.
    public let height: Int64
    /// That version's digest: the base to train from.
    public let version: DigestText
    /// Local steps of all versions that list a contribution: where the schedule stands.
    public let trainedSteps: Int64
    /// The tensors in the order of the flat parameter vector; tensor frames index into it.
    public let layout: [TensorShape]
    public let codec: CodecProfile
    /// The rules from which codec, steps and schedule come. A `round.version` with others asks the trainer to attach again.
    public let rules: DigestText
    /// Local optimizer steps per round.
    public let innerSteps: Int64
    /// How the rules have every site take these steps.
    public let schedule: InnerSchedule
    /// Whether this site's contribution to `version` was accepted already: then wait for `round.version`.
    public let isHandedOver: Bool

    public init(
        network: DigestText, site: SiteName, height: Int64, version: DigestText, trainedSteps: Int64,
        layout: [TensorShape], codec: CodecProfile, rules: DigestText, innerSteps: Int64, schedule: InnerSchedule,
        isHandedOver: Bool
    ) {
        self.rules = rules
        self.network = network
        self.site = site
        self.height = height
        self.version = version
        self.trainedSteps = trainedSteps
        self.layout = layout
        self.codec = codec
        self.innerSteps = innerSteps
        self.schedule = schedule
        self.isHandedOver = isHandedOver
    }
}

/// The inner optimizer, its batch and learning rates, the same for every site: linear warm-up to the peak, then a cosine to a
/// tenth of it, over global steps (trained steps + step within the round).
public struct InnerSchedule: Codable, Hashable, Sendable {
    /// Sequences in a batch.
    public let batchSequences: Int64
    /// Global steps until the rate stays at a tenth of the peak.
    public let scheduleSteps: Int64
    public let warmupSteps: Int64
    public let optimizer: Optimizer
    /// AdamW's peak in 1e-9.
    public let learningRateNano: Int64
    /// Muon's peak in 1e-9; nothing under AdamW alone.
    public let muonLearningRateNano: Int64

    public enum Optimizer: String, Codable, Hashable, Sendable, CaseIterable {
        case adamW = "adamw"
        /// Muon for the projections of the layers, AdamW for embedding and norms.
        case muon
        /// No local steps: gradients are handed over, and all nodes take the same step.
        case sharedAdamW = "shared-adamw"
    }

    public init(
        batchSequences: Int64, scheduleSteps: Int64, warmupSteps: Int64, optimizer: Optimizer, learningRateNano: Int64,
        muonLearningRateNano: Int64
    ) {
        self.optimizer = optimizer
        self.muonLearningRateNano = muonLearningRateNano
        self.batchSequences = batchSequences
        self.scheduleSteps = scheduleSteps
        self.warmupSteps = warmupSteps
        self.learningRateNano = learningRateNano
    }
}

/// One tensor of the layout.
public struct TensorShape: Codable, Hashable, Sendable {
    public let name: String
    /// Row-major; the element count is the product.
    public let shape: [Int64]

    public init(name: String, shape: [Int64]) {
        self.name = name
        self.shape = shape
    }
}

/// How pseudo-gradients of this network are encoded.
public struct CodecProfile: Codable, Hashable, Sendable {
    public let name: Name
    /// k: elements kept of each chunk; the whole chunk for a dense profile.
    public let keptPerChunk: Int64
    public let chunkElements: Int64
    /// Bits of one kept value.
    public let valueBits: Int64
    /// What the residual is multiplied by before it is added again; from 0 to 1.
    public let feedbackDecay: Double

    public enum Name: String, Codable, Hashable, Sendable, CaseIterable {
        case topK = "top-k"
        case denseFloat32 = "dense-float32"
        case denseBFloat16 = "dense-bfloat16"
    }

    public init(
        name: Name, keptPerChunk: Int64, chunkElements: Int64, valueBits: Int64, feedbackDecay: Double
    ) {
        self.name = name
        self.keptPerChunk = keptPerChunk
        self.chunkElements = chunkElements
        self.valueBits = valueBits
        self.feedbackDecay = feedbackDecay
    }
}

/// `trainer.base`: asks for the parameters of a version; tensor frames of kind `parameters` follow the response, tensor by
/// tensor with ascending offsets.
public struct TrainerBase: ControlMethod {
    public let version: DigestText

    public typealias Response = BaseTransfer
    public static let schema = MethodSchema(
        "trainer.base", role: .trainer, fields: [FieldSchema("version", .digest)], frames: [.parameters])

    public init(version: DigestText) {
        self.version = version
    }
}

/// A transfer of parameters that begins.
public struct BaseTransfer: Codable, Hashable, Sendable {
    /// Stands in each of its frames.
    public let transfer: Int64
    /// Of all frames together, headers not counted: four per parameter.
    public let bytes: Int64
    /// The Merkle root of what arrives, as the version certifies it.
    public let parametersRoot: DigestText

    public init(transfer: Int64, bytes: Int64, parametersRoot: DigestText) {
        self.transfer = transfer
        self.bytes = bytes
        self.parametersRoot = parametersRoot
    }
}

/// `trainer.contribute.begin`: announces a contribution; its tensor frames follow the response.
public struct TrainerContributeBegin: ControlMethod {
    /// The version that it was trained from.
    public let base: DigestText
    public let form: ContributionForm
    /// Chosen by the trainer, unique on the connection; stands in each frame.
    public let transfer: Int64
    /// Of all frames together, headers not counted.
    public let bytes: Int64

    public typealias Response = Accepted
    public static let schema = MethodSchema(
        "trainer.contribute.begin", role: .trainer,
        fields: [
            FieldSchema("base", .digest),
            FieldSchema("form", .enumeration(ContributionForm.allCases.map(\.rawValue))),
            FieldSchema("transfer", .integer(1...Int64(UInt32.max))),
            FieldSchema("bytes", .integer(1...(1 << 40))),
        ], frames: [.delta, .encoded])

    public init(base: DigestText, form: ContributionForm, transfer: Int64, bytes: Int64) {
        self.base = base
        self.form = form
        self.transfer = transfer
        self.bytes = bytes
    }
}

/// How a contribution is handed over.
public enum ContributionForm: String, Codable, Hashable, Sendable, CaseIterable {
    /// float32 differences: the daemon adds the residual and encodes.
    case delta
    /// Encoded by the trainer, which keeps the residual.
    case encoded
}

/// `trainer.contribute.commit`: all frames were sent; the daemon checks, signs, stores and announces.
public struct TrainerContributeCommit: ControlMethod {
    public let transfer: Int64
    /// Optimizer steps behind it.
    public let steps: Int64
    /// Tokens seen in these steps.
    public let tokens: Int64
    /// Mean training loss in nats per token; nil if the site does not report it. The daemon keeps it to 0.01.
    public let loss: Double?
    /// Ids of the data sets behind it, at most 64. An id stays the same when the contents of its set change, and must not say
    /// anything about them: `meshtrain` takes a keyed digest of the name.
    public let datasets: [DigestText]

    public typealias Response = ContributionCommitted
    public static let schema = MethodSchema(
        "trainer.contribute.commit", role: .trainer,
        fields: [
            FieldSchema("transfer", .integer(1...Int64(UInt32.max))),
            FieldSchema("steps", .integer(0...ControlSchema.integerLimit)),
            FieldSchema("tokens", .integer(0...ControlSchema.integerLimit)),
            FieldSchema("loss", .number(-1e9...1e9), isOptional: true),
            FieldSchema("datasets", .list(of: .digest, maximumCount: 64)),
        ])

    public init(transfer: Int64, steps: Int64, tokens: Int64, loss: Double?, datasets: [DigestText]) {
        self.transfer = transfer
        self.steps = steps
        self.tokens = tokens
        self.loss = loss
        self.datasets = datasets
    }
}

/// A contribution was signed and stored.
public struct ContributionCommitted: Codable, Hashable, Sendable {
    public let contribution: DigestText
    /// Its size as peers fetch it.
    public let bytes: Int64

    public init(contribution: DigestText, bytes: Int64) {
        self.contribution = contribution
        self.bytes = bytes
    }
}

/// `trainer.contribute.abort`: the trainer gives a begun contribution up.
public struct TrainerContributeAbort: ControlMethod {
    public let transfer: Int64

    public typealias Response = Accepted
    public static let schema = MethodSchema(
        "trainer.contribute.abort", role: .trainer, fields: [FieldSchema("transfer", .integer(1...Int64(UInt32.max)))])

    public init(transfer: Int64) {
        self.transfer = transfer
    }
}

/// `trainer.trouble`: the trainer tells why it hands nothing over. A word of a closed list, since no text may leave it.
public struct TrainerTroubleReport: ControlMethod {
    public let trouble: TrainerTrouble

    public typealias Response = Accepted
    public static let schema = MethodSchema(
        "trainer.trouble", role: .trainer,
        fields: [FieldSchema("trouble", .enumeration(TrainerTrouble.allCases.map(\.rawValue)))])

    public init(trouble: TrainerTrouble) {
        self.trouble = trouble
    }
}

/// The answer that says no more than yes.
public struct Accepted: Codable, Hashable, Sendable {
    public init() {}
}

/// `round.version`: the daemon tells an attached trainer that a version was certified. Not answered.
public struct RoundVersion: ControlMethod {
    public let height: Int64
    /// The base to train from now.
    public let version: DigestText
    /// Whether this site's last contribution was averaged into it.
    public let isListed: Bool
    /// Local steps of all versions that list a contribution: where the schedule stands.
    public let trainedSteps: Int64
    /// The rules of the round that begins.
    public let rules: DigestText

    public typealias Response = Accepted
    public static let schema = MethodSchema(
        "round.version", .fromDaemon, role: .trainer,
        fields: [
            FieldSchema("height", .integer(0...ControlSchema.integerLimit)),
            FieldSchema("version", .digest),
            FieldSchema("isListed", .boolean),
            FieldSchema("trainedSteps", .integer(0...ControlSchema.integerLimit)),
            FieldSchema("rules", .digest),
        ])

    public init(height: Int64, version: DigestText, isListed: Bool, trainedSteps: Int64, rules: DigestText) {
        self.rules = rules
        self.height = height
        self.version = version
        self.isListed = isListed
        self.trainedSteps = trainedSteps
    }
}

/// `round.closing`: the daemon tells an attached trainer how long a contribution to the current round can still be in
/// time. Not answered; a newer one takes the place of an older one. A trainer that is slower hands over what it has by then.
public struct RoundClosing: ControlMethod {
    /// The base of the round.
    public let version: DigestText
    /// From now until the daemon names what it has seen: by then a contribution must have been handed over.
    public let milliseconds: Int64

    public typealias Response = Accepted
    public static let schema = MethodSchema(
        "round.closing", .fromDaemon, role: .trainer,
        fields: [
            FieldSchema("version", .digest),
            FieldSchema("milliseconds", .integer(0...ControlSchema.integerLimit)),
        ])

    public init(version: DigestText, milliseconds: Int64) {
        self.version = version
        self.milliseconds = milliseconds
    }
}
