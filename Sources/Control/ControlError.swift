import JSON

/// What is wrong with the parameters of a request.
public enum ParameterProblem: Hashable, Sendable {
    case notAnObject
    case unknownField
    case missingField(String)
    case wrongValue(field: String)
}

/// Why a message on the control socket is refused.
public enum ControlError: Error, Hashable, Sendable {
    case json(JSONError)
    /// Not a JSON-RPC 2.0 message of the kind expected.
    case invalidMessage
    case unknownMethod
    /// The method is answered on another socket: it is one of `needed`, and the connection is one of `role`.
    case wrongSocket(method: String, role: ControlRole, needed: ControlRole)
    case invalidParameters(method: String, problem: ParameterProblem)
    /// A message of ours would exceed the limit of a frame.
    case tooLong(bytes: Int, limitBytes: Int)
}

extension ParameterProblem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notAnObject: "the parameters are not an object"
        case .unknownField: "a field is unknown"
        case .missingField(let field): "the field \(field) is missing"
        case .wrongValue(let field): "the value of \(field) is not acceptable"
        }
    }
}

extension ControlError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .json(let error): "the message is not valid JSON: \(error)"
        case .invalidMessage: "not a JSON-RPC 2.0 message of the kind expected"
        case .unknownMethod: "no such method"
        case .wrongSocket(let method, let role, let needed):
            "the \(role.rawValue) socket does not answer \(method); the \(needed.rawValue) socket does"
        case .invalidParameters(let method, let problem): "\(method): \(problem)"
        case .tooLong(let bytes, let limit): "a message of \(bytes) bytes exceeds \(limit)"
        }
    }
}

/// Why the daemon refuses, for programs. `code` is JSON-RPC's number, the word stands in `error.data.reason`.
public enum ControlReason: String, Codable, Hashable, Sendable, CaseIterable {
    case parseError = "parse-error"
    case invalidRequest = "invalid-request"
    case unknownMethod = "unknown-method"
    case invalidParameters = "invalid-parameters"
    case internalError = "internal-error"
    /// The method is answered on another socket of the daemon; `error.data.socket` says on which.
    case wrongSocket = "wrong-socket"
    /// The trainer speaks another version of the schema.
    case protocolVersion = "protocol-version"
    /// `trainer.attach` comes first.
    case notAttached = "not-attached"
    /// Another trainer is attached.
    case alreadyAttached = "already-attached"
    case unknownTransfer = "unknown-transfer"
    case transferIncomplete = "transfer-incomplete"
    /// No such version, or not kept any more.
    case notFound = "not-found"
    /// The daemon cannot write its state.
    case diskUnavailable = "disk-unavailable"
    /// The daemon finds out what it signed before it lost its journal.
    case recovering
    case busy
    case stopping
    /// A governance action that could never take effect, or a signature under it that is not an operator's.
    case invalidAction = "invalid-action"
    /// A review that is not signed by an operator, or is of a slot that cannot be listed any more.
    case invalidReview = "invalid-review"
    /// An invitation that this site's operator key has not signed, or of a site that cannot be invited.
    case invalidInvitation = "invalid-invitation"
    // What validation of a contribution refuses, in the protocol's names.
    case missingParameter = "missing-parameter"
    case unexpectedParameter = "unexpected-parameter"
    case shapeMismatch = "shape-mismatch"
    case dtypeMismatch = "dtype-mismatch"
    case nonFinite = "non-finite"
    case indexOutOfOrder = "index-out-of-order"
    case sizeMismatch = "size-mismatch"
    case notCanonical = "not-canonical"
    case normMismatch = "norm-mismatch"
    case wrongBase = "wrong-base"
    case notAMember = "not-a-member"
    case duplicate
    case tooLarge = "too-large"
    /// It names a data set that the members excluded.
    case excludedDataSet = "excluded-data-set"

    /// The number of JSON-RPC 2.0 section 5.1; -32000 for all reasons of our own.
    public var code: Int {
        switch self {
        case .parseError: -32700
        case .invalidRequest: -32600
        case .unknownMethod: -32601
        case .invalidParameters: -32602
        case .internalError: -32603
        default: -32000
        }
    }
}

/// The `error` member of a response.
public struct ControlRefusal: Error, Codable, Hashable, Sendable {
    public struct Detail: Codable, Hashable, Sendable {
        public let reason: ControlReason
        /// With the reason `wrong-socket`: the socket that answers the method.
        public let socket: ControlRole?
    }

    public let code: Int
    /// For people; programs read `data.reason`.
    public let message: String
    public let data: Detail

    public init(_ reason: ControlReason, message: String, socket: ControlRole? = nil) {
        code = reason.code
        self.message = message
        data = Detail(reason: reason, socket: socket)
    }

    public var reason: ControlReason { data.reason }

    /// The answer to a message that was refused before any method saw it.
    public init(_ error: ControlError) {
        switch error {
        case .json: self.init(.parseError, message: "\(error)")
        case .invalidMessage: self.init(.invalidRequest, message: "not a JSON-RPC 2.0 request")
        case .unknownMethod: self.init(.unknownMethod, message: "no such method")
        case .wrongSocket(let method, let role, let needed):
            // Operators read too, and every daemon has their socket.
            let socket: ControlRole = needed == .trainer ? .trainer : .operator
            self.init(
                .wrongSocket,
                message: "\(method) is not answered on the \(role.rawValue) socket; use the \(socket.rawValue) socket "
                    + "([sockets] \(socket.rawValue) in meshnode.toml)", socket: socket)
        case .invalidParameters(let method, let problem):
            self.init(.invalidParameters, message: "\(method): \(problem)")
        case .tooLong(let bytes, let limit):
            self.init(.internalError, message: "an answer of \(bytes) bytes exceeds \(limit)")
        }
    }
}

extension ControlRefusal: CustomStringConvertible {
    public var description: String { "\(reason.rawValue): \(message)" }
}
