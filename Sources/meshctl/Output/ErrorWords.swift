import Crypto
import Ledger
import Rounds
import Tensor

/// Says which member a slot belongs to.
struct SlotWords {
    let members: MemberSet

    func name(_ slot: Slot) -> String { members[slot.author]?.name ?? slot.author.short }
}

extension LedgerFileError {
    /// With the name of the site that a damaged contribution is of.
    func words(_ names: SlotWords) -> String {
        switch self {
        case .wrongPayloadSize(let height, let slot, let expected, let found):
            "version \(height): the contribution of \(names.name(slot)) has \(found) bytes, its record says \(expected)"
        case .wrongPayload(let height, let slot):
            "version \(height): another contribution stands in the place of the one of \(names.name(slot))"
        case .damagedPayload(let height, let slot):
            "version \(height): the contribution of \(names.name(slot)) is damaged: its bytes are not what it signed"
        default: description
        }
    }
}

extension AuditFault {
    func words(_ names: SlotWords) -> String {
        switch self {
        case .payload(let height, let fault): "version \(height): \(fault.words(names))"
        case .notCertified(let height):
            "version \(height) is not certified: its certificate has no valid quorum of signatures"
        case .missingEmbedded(let height): "version \(height) lacks records that it rests on"
        case .wrongContribution(let height, let slot):
            "version \(height): the contribution record of \(names.name(slot)) is not the one that is listed"
        case .invalidContributionSignature(let height, let slot):
            "version \(height): \(names.name(slot)) did not sign the contribution listed as its own"
        case .contributionOutsideRules(let height, let slot):
            "version \(height): the contribution of \(names.name(slot)) is outside of the rules"
        }
    }
}

extension PayloadFault {
    func words(_ names: SlotWords) -> String {
        switch self {
        case .wrongNetwork: "belongs to another network"
        case .wrongHeight(let height): "has height \(height)"
        case .wrongParent(let parent): "names the parent \(parent.short), which is not the version before it"
        case .wrongRules: "names other rules than are in force"
        case .wrongMembers: "names another member set than the one in force"
        case .wrongAction(let expected, let carried):
            "must carry \(expected.map { "the action \($0.short)" } ?? "no action") and carries "
                + (carried.map { "the action \($0.short)" } ?? "none")
        case .action(let fault): "carries an action that \(fault.words(names.members))"
        case .wrongSupport: "does not rest on the records that come with it"
        case .tooFewReady(let count, let quorum): "rests on \(count) ready records, a quorum is \(quorum)"
        case .foreignReady(let digest): "rests on the ready record \(digest.short), which is not valid here"
        case .repeatedReadySigner(let member):
            "counts the ready record of \(names.members[member]?.name ?? member.short) twice"
        case .foreignClosed(let digest):
            "rests on the closed statement \(digest.short), which is not valid here or names nothing listed"
        case .repeatedClosedSigner(let member):
            "counts the closed statement of \(names.members[member]?.name ?? member.short) twice"
        case .repeatedClosing: "names more closings than bases, two of one base, or an empty one"
        case .oversizedClosing(let digest):
            "names too many statements in the closing \(digest.short)"
        case .unknownSlot(let slot): "lists \(names.name(slot)), a slot that does not exist"
        case .uncommitted(let slot):
            "lists the contribution of \(names.name(slot)), which too few members saw before the round was closed"
        case .inclusion(let expected, let listed):
            "must list \(Words.list(expected.map(names.name))) and lists \(Words.list(listed.map(names.name)))"
        case .tooFewContributions(let count, let minimum):
            "lists \(count) \(count == 1 ? "contribution" : "contributions"), and the rules ask for at least \(minimum)"
        case .foreignCertificate(let slot):
            "the availability certificate of \(names.name(slot)) does not belong to its contribution"
        case .invalidCertificate(let slot): "the availability certificate of \(names.name(slot)) has no valid quorum"
        case .tooFewHolders(let slot): "too few holders of the contribution of \(names.name(slot)) are still members"
        case .wrongWeight(let slot): "gives the contribution of \(names.name(slot)) a wrong weight"
        case .wrongOuterRoot: "names another outer state"
        case .wrongRoots: "moves the parameters to where nothing that it lists leads"
        case .blockedByReview(let slot): "lists the contribution of \(names.name(slot)), which the review keeps out"
        case .listsAtSwitch: "lists contributions where a replayed history takes over"
        }
    }
}

extension ReplayFault {
    func words(_ names: SlotWords) -> String {
        switch self {
        case .layout(let error): "the genesis' tensors make no parameter vector: \(error)"
        case .wrongStart(let expected, let found):
            "version 0 is not the model that the genesis names: it has \(found.short(besides: expected)), expected "
                + expected.short(besides: found)
        case .wrongParameterCount(let expected, let found): "version 0 has \(found) parameters, expected \(expected)"
        case .audit(let fault): fault.words(names)
        case .contribution(let height, let slot, let fault):
            "version \(height): the contribution of \(names.name(slot)) is not valid: \(fault)"
        case .missingPayload(let height, let slot):
            "version \(height): the exporter no longer kept the contribution of \(names.name(slot))"
        case .manifest(let height, .file(let error)): "version \(height): \(error)"
        case .manifest(let height, let fault): "version \(height) cannot be averaged: \(fault)"
        case .wrongRoot(let height, let expected, let computed):
            "version \(height): its contributions give the \(computed.short(besides: expected)), certified are "
                + expected.short(besides: computed)
        case .missingParameters(let height):
            "the parameters of version \(height), which a replay begins with, are not here"
        case .missingVersion(let height): "version \(height), which a replay makes anew, is not here"
        }
    }
}
