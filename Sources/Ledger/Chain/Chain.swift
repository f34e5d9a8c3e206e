import Crypto

/// The state of the chain after some version: everything that decides whether the next one is valid.
///
/// A value: judging and advancing are pure functions of it and of what a payload embeds.
public struct Chain: Sendable {
    /// A version that contributions may still name as their base.
    public struct Base: Hashable, Sendable {
        public let digest: VersionDigest
        public let height: Height
        /// The set of height + 1: it signs availability votes for this base.
        public let members: MemberSet
        /// In force for height + 1: what contributions on this base must keep to.
        public let rules: Rules
        /// The largest payload of a contribution on this base, in bytes. It follows from the model and `rules`.
        public let payloadBytesMaximum: UInt64
    }

    public let network: NetworkID
    /// The model's tensors, in the order of the flat vector.
    public let tensors: [TensorShape]
    public let head: Version
    public let headDigest: VersionDigest
    /// In force for height + 1.
    public let rules: Rules
    /// The set of height + 1.
    public let members: MemberSet
    /// The last `maxStaleness + 1` versions, oldest first; the head is the last.
    public let bases: [Base]
    /// Slots on top of `bases` that some version has listed already, each with what it was listed with.
    public let listed: [Slot: ContributionDigest]
    /// What operators said about contributions on top of `bases`.
    public let reviews: [Slot: SlotReviews]
    public let governance: Governance
    /// Local steps so far: of each version that lists a contribution, the `innerSteps` of its rules. By these the
    /// schedule of training advances: a version with an empty manifest leaves it where it was, and a change of the
    /// rules does too.
    public let trainedSteps: UInt64
    /// The sets and versions of the heights behind.
    public let history: ChainHistory

    public init(genesis: Genesis) {
        network = genesis.network
        tensors = genesis.tensors
        head = genesis.version
        headDigest = genesis.version.versionDigest
        rules = genesis.rules
        members = genesis.members
        bases = [
            Base(
                digest: headDigest, height: .genesis, members: genesis.members, rules: genesis.rules,
                payloadBytesMaximum: genesis.rules.payloadBytesMaximum(of: genesis.tensors))
        ]
        listed = [:]
        reviews = [:]
        governance = Governance()
        trainedSteps = 0
        history = ChainHistory(genesis: headDigest, members: genesis.members)
    }

    private init(
        network: NetworkID, tensors: [TensorShape], head: Version, headDigest: VersionDigest, rules: Rules,
        members: MemberSet, bases: [Base], listed: [Slot: ContributionDigest], reviews: [Slot: SlotReviews],
        governance: Governance, trainedSteps: UInt64, after history: ChainHistory
    ) {
        self.network = network
        self.tensors = tensors
        self.head = head
        self.headDigest = headDigest
        self.rules = rules
        self.members = members
        self.bases = bases
        self.listed = listed
        self.reviews = reviews
        self.governance = governance
        self.trainedSteps = trainedSteps
        var history = history
        history.append(headDigest, members: members)
        self.history = history
    }

    public var height: Height { head.height }

    /// The height that is being agreed on.
    public var nextHeight: Height { head.height.next }

    public func base(_ digest: VersionDigest) -> Base? { bases.first { $0.digest == digest } }

    /// The chain after a version that the caller has judged or found certified.
    ///
    /// - Throws: `PayloadFault` where it does not even continue this chain, or carries an action that cannot take
    ///   effect.
    public func advanced(by embedded: EmbeddedPayload) throws(PayloadFault) -> Chain {
        let version = embedded.version
        try checkContinues(version)
        let isSwitch = rootsToSwitch(by: embedded.ready.map(\.body)) != nil
        let outcome = try outcome(of: embedded.action, in: version, isSwitch: isSwitch)
        var governance = self.governance
        if let action = embedded.action?.action {
            governance.note(action, at: version.height, rules: rules, members: members.count)
        }
        if isSwitch { governance.noteSwitch(at: version.height) }
        let digest = version.versionDigest
        let base = Base(
            digest: digest, height: version.height, members: outcome.members, rules: outcome.rules,
            payloadBytesMaximum: outcome.rules.payloadBytesMaximum(of: tensors))
        // A replayed state takes over: what was trained on the state before is void.
        let bases = isSwitch ? [base] : Array((self.bases + [base]).suffix(Int(outcome.rules.maxStaleness) + 1))
        let kept = Set(bases.map(\.digest))
        var listed = self.listed
        for entry in version.manifest { listed[entry.slot] = entry.contribution }
        return Chain(
            network: network, tensors: tensors, head: version, headDigest: digest, rules: outcome.rules,
            members: outcome.members, bases: bases, listed: listed.filter { kept.contains($0.key.base) },
            reviews: reviews(with: embedded.ready.map(\.body)).filter { kept.contains($0.key.base) },
            governance: governance,
            trainedSteps: trainedSteps + (version.manifest.isEmpty ? 0 : UInt64(rules.innerSteps)), after: history)
    }

    /// What the action that a version names makes of members and rules, and whether the version says the same.
    func outcome(
        of complete: CompleteAction?, in version: Version, isSwitch: Bool
    ) throws(PayloadFault) -> ActionOutcome {
        var outcome = ActionOutcome(members: members, rules: rules)
        if isSwitch {
            guard complete == nil, version.action == switchAction(to: version.roots).digest else {
                throw .wrongAction(expected: switchAction(to: version.roots).digest, carried: version.action)
            }
        } else {
            guard version.action == complete?.action.digest else {
                throw .wrongAction(expected: complete?.action.digest, carried: version.action)
            }
            do throws(ActionFault) {
                if let action = complete?.action { outcome = try self.outcome(of: action) }
            } catch {
                throw .action(error)
            }
        }
        guard version.rules == outcome.rules.digest else { throw .wrongRules }
        guard version.members == outcome.members.digest else { throw .wrongMembers }
        return outcome
    }

    func checkContinues(_ version: Version) throws(PayloadFault) {
        guard version.network == network else { throw .wrongNetwork }
        guard version.height == nextHeight else { throw .wrongHeight(version.height) }
        guard version.parent == headDigest else { throw .wrongParent(version.parent) }
    }
}

/// Why a payload is provably invalid. Missing data is never a fault: it is waited for.
public enum PayloadFault: Error, Equatable, Sendable {
    case wrongNetwork
    case wrongHeight(Height)
    case wrongParent(VersionDigest)
    case wrongRules
    case wrongMembers
    /// Not the action that the ready records ask for, or one whose object is not the one embedded.
    case wrongAction(expected: Digest?, carried: Digest?)
    case action(ActionFault)
    case wrongSupport
    case tooFewReady(count: Int, quorum: Int)
    case foreignReady(Digest)
    case repeatedReadySigner(MemberID)
    /// A `closed` statement that is not valid here or names nothing that is listed.
    case foreignClosed(Digest)
    /// Another statement of the signer names everything listed that this one names.
    case repeatedClosedSigner(MemberID)
    /// Two closings of one round, more closings than the manifest has bases, or an empty one.
    case repeatedClosing
    /// A closing of more statements than `MemberSet.closingStatementsMaximum`.
    case oversizedClosing(Digest)
    /// Too few of the embedded `closed` statements name the contribution in this slot.
    case uncommitted(Slot)
    /// An entry that is no member's slot on a base that may be listed.
    case unknownSlot(Slot)
    case inclusion(expected: [Slot], listed: [Slot])
    /// Lists some contributions, and fewer than the rules' `minContributions`.
    case tooFewContributions(count: Int, minimum: UInt32)
    case foreignCertificate(Slot)
    case invalidCertificate(Slot)
    case tooFewHolders(Slot)
    case wrongWeight(Slot)
    case wrongOuterRoot
    /// A version that lists nothing moves the state, or a switch does not move it to where the replay came.
    case wrongRoots
    /// The contribution in this slot is not the one that was approved, or was vetoed.
    case blockedByReview(Slot)
    /// A replayed state takes over, and yet contributions are listed.
    case listsAtSwitch
}
