import ArgumentParser
import Control
import Model

/// How `meshtrain` ends if it cannot go on by itself: numbers of sysexits.h that a service manager can tell from a crash.
/// Restarting helps against none of them; Deploy/site/meshtrain.service names them all.
enum TrainerExit: Int32, CaseIterable {
    /// The options cannot be used.
    case usage = 64
    /// The model, the text or the checkpoint cannot be trained on: a file is missing, damaged or of another model.
    case unusableData = 65
    /// The training diverged: a loss or a parameter became infinite or not a number.
    case diverged = 70
    /// The daemon speaks another version of the protocol, or finds what it was sent invalid.
    case refusedProtocol = 76
    /// The daemon may not take contributions from this data set.
    case notPermitted = 77

    /// How to end after a refusal; nil if it passes by itself, so that waiting helps.
    init?(_ reason: ControlReason) {
        switch reason {
        case .notAttached, .alreadyAttached, .unknownTransfer, .transferIncomplete, .notFound, .diskUnavailable,
            .recovering, .busy, .stopping, .wrongBase, .duplicate, .internalError, .notAMember:
            return nil
        case .nonFinite, .tooLarge, .normMismatch: self = .diverged
        case .excludedDataSet: self = .notPermitted
        case .wrongSocket: self = .usage
        case .missingParameter, .unexpectedParameter, .shapeMismatch, .dtypeMismatch, .indexOutOfOrder, .sizeMismatch,
            .notCanonical,
            .parseError, .invalidRequest, .unknownMethod, .invalidParameters, .protocolVersion, .invalidAction,
            .invalidReview, .invalidInvitation:
            self = .refusedProtocol
        }
    }

    /// How to end after an error; nil for one of which nothing is known.
    init?(_ error: any Error) {
        switch error {
        case ModelError.notFinite, ModelError.diverged: self = .diverged
        case is ModelError: self = .unusableData
        case is DataSetError: self = .usage
        case is ControlError, is FrameError: self = .refusedProtocol
        case let refusal as ControlRefusal:
            guard let exit = TrainerExit(refusal.reason) else { return nil }
            self = exit
        default: return nil
        }
    }

    /// Runs `body`; an error of it that has a number of its own is told on standard error and ends the program with it.
    static func reporting(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            guard let exit = TrainerExit(error) else { throw error }
            Output.note("error: \(error)")
            if let advice = exit.advice { Output.note("  \(advice)") }
            throw ExitCode(exit.rawValue)
        }
    }

    private var advice: String? {
        switch self {
        case .usage, .unusableData: nil
        case .diverged: "Look at the text and at the rules' learning rate; then remove --state, or start again."
        case .refusedProtocol: "Are meshtrain and meshnode of the same release?"
        case .notPermitted: "Ask the members what they excluded: meshctl proposal list. Then give another --data."
        }
    }
}
