/// Faults as sentences for a log. Tools that know the members' names have better ones.
extension Slot: CustomStringConvertible {
    /// Author and base, short.
    public var description: String { "\(author.short) on \(base.short)" }
}

extension PayloadFault: CustomStringConvertible {
    public var description: String {
        func list(_ slots: [Slot]) -> String {
            slots.isEmpty ? "nothing" : slots.map(\.description).joined(separator: ", ")
        }
        return switch self {
        case .wrongNetwork: "it belongs to another network"
        case .wrongHeight(let height): "it has height \(height)"
        case .wrongParent(let parent): "its parent \(parent.short) is not the version before it"
        case .wrongRules: "it names rules that are not in force"
        case .wrongMembers: "it names a member set that is not in force"
        case .wrongAction(let expected, let carried):
            "it must carry \(expected?.short ?? "no action") and carries \(carried?.short ?? "no action")"
        case .action(let fault): "its action cannot stand: \(fault)"
        case .wrongSupport: "its support is not what came with it"
        case .tooFewReady(let count, let quorum): "it rests on \(count) ready records, a quorum is \(quorum)"
        case .foreignReady(let digest): "the ready record \(digest.short) is not valid for it"
        case .repeatedReadySigner(let member): "the ready record of \(member.short) counts twice"
        case .foreignClosed(let digest):
            "the closed statement \(digest.short) is not valid for it, or names nothing that is listed"
        case .repeatedClosedSigner(let member): "the closed statement of \(member.short) counts twice"
        case .repeatedClosing: "it names more closings than bases, two of one base, or an empty one"
        case .uncommitted(let slot): "too few closed statements name the contribution of \(slot)"
        case .oversizedClosing(let digest): "the closing \(digest.short) names too many statements"
        case .unknownSlot(let slot):
            "it lists a slot that does not exist: \(slot.author.short) on \(slot.base.short)"
        case .inclusion(let expected, let listed): "it must list \(list(expected)) and lists \(list(listed))"
        case .tooFewContributions(let count, let minimum):
            "it lists \(count) contributions, and the rules ask for at least \(minimum)"
        case .foreignCertificate(let slot): "the availability certificate of \(slot) belongs to something else"
        case .invalidCertificate(let slot): "the availability certificate of \(slot) has no valid quorum"
        case .tooFewHolders(let slot): "too few holders of \(slot) are still members"
        case .wrongWeight(let slot): "the weight of \(slot) is wrong"
        case .wrongOuterRoot: "its outer state is wrong"
        case .wrongRoots: "its parameter root does not match the listed contributions"
        case .blockedByReview(let slot): "\(slot) is blocked by reviews"
        case .listsAtSwitch: "it lists contributions where a replayed history takes over"
        }
    }
}

extension AuditFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .payload(let height, let fault): "version \(height): \(fault)"
        case .notCertified(let height): "version \(height) has no valid quorum certificate"
        case .missingEmbedded(let height): "version \(height) lacks records that it rests on"
        case .wrongContribution(let height, let slot): "version \(height): the record of \(slot) is not the listed one"
        case .invalidContributionSignature(let height, let slot):
            "version \(height): the contribution of \(slot) is not signed by its author"
        case .contributionOutsideRules(let height, let slot):
            "version \(height): the contribution of \(slot) is outside of the rules"
        }
    }
}

extension ContributionBreach: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknownBase: "its base is none of the versions that a contribution may start from"
        case .wrongNetwork: "it belongs to another network"
        case .wrongBaseHeight(let expected, let found): "it gives its base height \(found), which has \(expected)"
        case .wrongEncoding: "its encoding is not that of the rules"
        case .wrongPieceBytes(let expected, let found): "its pieces have \(found) bytes, the rules say \(expected)"
        case .tooLarge(let bytes, let limit): "it has \(bytes) bytes, at most \(limit) are possible"
        case .tooManyPieces(let count, let limit): "it has \(count) pieces, at most \(limit) are possible"
        case .excludedDataSet: "it names a data set that the members excluded"
        }
    }
}
