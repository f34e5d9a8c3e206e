import Crypto
import Glibc
import Ledger
import Rounds
import Tensor

/// Errors of the modules below as sentences for people.
extension ParameterFileError {
    var words: String {
        switch self {
        case .system(let file, let operation, let code): "\(file): \(operation): \(String(cString: strerror(code)))"
        case .wrongSize(let file, let expected, let found): "\(file) has \(found) bytes, expected \(expected)"
        case .corruptBlock(let file, let block): "\(file) is damaged in block \(block)"
        case .wrongRoot(let file, let expected, let found):
            "\(file) holds parameters \(found.short), expected \(expected.short)"
        case .nonFinite(let file, let block): "\(file) has an infinity or not-a-number in block \(block)"
        case .wrongCount(let file, let expected, let found): "\(file) has \(found) parameters, expected \(expected)"
        }
    }
}

extension SafetensorsError {
    var words: String {
        switch self {
        case .file(let error): error.words
        case .headerTooLong(let file, let bytes): "\(file) claims a header of \(bytes) bytes"
        case .malformedHeader(let file, let offset, let expected):
            "\(file): at byte \(offset) of the header, expected \(expected)"
        case .duplicateName(let file, let name): "\(file) names \(name) twice"
        case .tooManyTensors(let file, let limit): "\(file) has more than \(limit) tensors"
        case .badOffsets(let file, let name): "\(file): the place of \(name) does not fit its shape or its neighbours"
        case .dtypeMismatch(let file, let name, let dtype):
            "\(file): \(name) is of type \(dtype); F32, F16 and BF16 are read"
        case .layout(let file, let error): "\(file): \(error)"
        case .missingParameter(let file, let name): "\(file) lacks the tensor \(name)"
        case .unexpectedParameter(let file, let name): "\(file) has the tensor \(name), which the genesis does not"
        case .shapeMismatch(let file, let name, let expected, let found):
            "\(file): \(name) has shape \(found), expected \(expected)"
        }
    }
}

/// Says which member a slot belongs to.
struct SlotWords {
    let members: MemberSet

    func name(_ slot: Slot) -> String { members[slot.author]?.name ?? slot.author.short }
}

extension LedgerFileError {
    func words(_ names: SlotWords) -> String {
        switch self {
        case .notALedger: "this is not an exported ledger"
        case .unsupportedVersion(let version): "format version \(version) is unknown to this program"
        case .truncated(let item): "the file ends inside item \(item)"
        case .unknownKind(let kind, let item): "item \(item) is of unknown kind \(kind)"
        case .unexpectedItem(let item): "item \(item) does not belong there"
        case .wrongLength(let item, let bytes): "item \(item) has a wrong length, \(bytes) bytes"
        case .tooLong(let item, let bytes, let limit): "item \(item) has \(bytes) bytes, at most \(limit) are possible"
        case .record(let item, let error): "item \(item) is no version record: \(error)"
        case .wrongHeight(let item, let expected, let found):
            "item \(item) is version \(found) where version \(expected) must stand"
        case .missingContributions(let height): "version \(height) lacks contribution records"
        case .wrongPayloadSize(let height, let slot, let expected, let found):
            "version \(height): the contribution of \(names.name(slot)) has \(found) bytes, its record says \(expected)"
        case .wrongPayload(let height, let slot):
            "version \(height): another contribution stands in the place of the one of \(names.name(slot))"
        case .damagedPayload(let height, let slot):
            "version \(height): the contribution of \(names.name(slot)) is damaged: its bytes are not what it signed"
        case .wrongEnd: "the end of the file names another head than its last version"
        case .trailingBytes(let count): "\(count) bytes follow the end"
        case .unreadable(let error): "cannot read: \(error)"
        case .file(let error): error.words
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
        case .heldBack(let slot): "lists the contribution of \(names.name(slot)), which the review keeps out"
        case .listsAtSwitch: "lists contributions where a replayed history takes over"
        }
    }
}

extension ReplayFault {
    func words(_ names: SlotWords) -> String {
        switch self {
        case .layout(let error): "the genesis' tensors make no parameter vector: \(error)"
        case .wrongStart(let expected, let found):
            "version 0 is not the model that the genesis names: its root is \(found.short), expected \(expected.short)"
        case .wrongParameterCount(let expected, let found): "version 0 has \(found) parameters, expected \(expected)"
        case .audit(let fault): fault.words(names)
        case .contribution(let height, let slot, let fault):
            "version \(height): the contribution of \(names.name(slot)) is not valid: \(fault)"
        case .missingPayload(let height, let slot):
            "version \(height): the exporter no longer kept the contribution of \(names.name(slot))"
        case .manifest(let height, .file(let error)): "version \(height): \(error.words)"
        case .manifest(let height, let fault): "version \(height) cannot be averaged: \(fault)"
        case .wrongRoot(let height, let expected, let computed):
            "version \(height): its contributions give the parameters \(computed.short), certified are \(expected.short)"
        case .missingParameters(let height):
            "the parameters of version \(height), which a replay begins with, are not here"
        case .missingVersion(let height): "version \(height), which a replay makes anew, is not here"
        }
    }
}
