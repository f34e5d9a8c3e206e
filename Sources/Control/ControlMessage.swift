import FoundationEssentials
import JSON

/// A request as the daemon reads it.
public struct ControlRequest: Hashable, Sendable {
    /// Chosen by the client, from 0 to 2^53 - 1; the response carries it.
    public let id: Int64
    public let call: ControlCall

    /// Reads one message from a client of `role`, and lets nothing through that the schema does not name.
    /// - Throws: what is wrong, with the id where there was one: answer it with `ControlMessage.refusal`.
    public static func decode(_ bytes: [UInt8], role: ControlRole) throws(RejectedRequest) -> ControlRequest {
        var id: Int64?
        do {
            let message = try JSONParameters.parse(bytes)
            guard case .object(let members) = message, message["jsonrpc"] == .string("2.0"),
                members.allSatisfy({ ["jsonrpc", "id", "method", "params"].contains($0.name) }),
                case .integer(let number)? = message["id"], number >= 0, number <= ControlSchema.integerLimit,
                case .string(let name)? = message["method"]
            else { throw ControlError.invalidMessage }
            id = number
            guard let schema = ControlSchema.method(name), schema.direction == .towardDaemon else {
                throw ControlError.unknownMethod
            }
            guard role.mayCall(methodOf: schema.role) else {
                throw ControlError.wrongSocket(method: schema.name, role: role, needed: schema.role)
            }
            try schema.check(message["params"])
            let parameters = JSONParameters(message: bytes, isPresent: message["params"] != nil)
            guard let call = try ControlCall(method: schema.name, decode: parameters) else {
                throw ControlError.unknownMethod
            }
            return ControlRequest(id: number, call: call)
        } catch let error as ControlError {
            throw RejectedRequest(id: id, error: error)
        } catch {
            throw RejectedRequest(id: id, error: .invalidMessage)
        }
    }
}

/// A message that is not answered by a method, but by a refusal.
public struct RejectedRequest: Error, Hashable, Sendable {
    /// Nil where the message had none that could be read: the refusal then carries `null`.
    public let id: Int64?
    public let error: ControlError
}

extension RejectedRequest: CustomStringConvertible {
    public var description: String { "request \(id.map(String.init) ?? "without a number"): \(error)" }
}

/// A message as a client reads it.
public enum ControlReply: Hashable, Sendable {
    case response(id: Int64, ControlResult)
    /// The id is absent where the daemon could not read the request's.
    case refusal(id: Int64?, ControlRefusal)
    case version(RoundVersion)
    case closing(RoundClosing)

    /// Reads one message from the daemon.
    public static func decode(_ bytes: [UInt8]) throws(ControlError) -> ControlReply {
        let message = try JSONParameters.parse(bytes)
        guard message["jsonrpc"] == .string("2.0") else { throw .invalidMessage }
        if message["method"] == .string(RoundVersion.schema.name), message["id"] == nil {
            try RoundVersion.schema.check(message["params"])
            return .version(try JSONParameters(message: bytes, isPresent: message["params"] != nil).decoded())
        }
        if message["method"] == .string(RoundClosing.schema.name), message["id"] == nil {
            try RoundClosing.schema.check(message["params"])
            return .closing(try JSONParameters(message: bytes, isPresent: message["params"] != nil).decoded())
        }
        var id: Int64?
        if case .integer(let number)? = message["id"] { id = number }
        if message["error"] != nil {
            return .refusal(id: id, try JSONParameters.decode(RefusalEnvelope.self, bytes).error)
        }
        guard let id, message["result"] != nil else { throw .invalidMessage }
        return .response(id: id, ControlResult(message: bytes))
    }
}

/// The result of a response, to be read as the type that belongs to the request.
public struct ControlResult: Hashable, Sendable {
    let message: [UInt8]

    /// - Throws: `ControlError.invalidMessage` where it is not one.
    public func decoded<Method: ControlMethod>(for method: Method.Type) throws(ControlError) -> Method.Response {
        try JSONParameters.decode(ResultEnvelope<Method.Response>.self, message).result
    }
}

/// The messages of both sides as payload bytes of a frame, members in ascending order.
public enum ControlMessage {
    /// A client's request. Checked against the schema here too, so that a mistake shows where it was made.
    public static func request<Method: ControlMethod>(id: Int64, _ parameters: Method) throws(ControlError) -> [UInt8] {
        let bytes = try encode(
            RequestEnvelope(jsonrpc: "2.0", id: id, method: Method.schema.name, params: parameters))
        try Method.schema.check(try JSONParameters.parse(bytes)["params"])
        return bytes
    }

    /// The daemon's answer to a request of `Method`.
    public static func response<Method: ControlMethod>(
        id: Int64, to method: Method.Type, _ result: Method.Response
    ) throws(ControlError) -> [UInt8] {
        try encode(ResultEnvelope(jsonrpc: "2.0", id: id, result: result))
    }

    /// The daemon's refusal.
    public static func refusal(id: Int64?, _ refusal: ControlRefusal) throws(ControlError) -> [UInt8] {
        try encode(RefusalEnvelope(jsonrpc: "2.0", id: id, error: refusal))
    }

    /// A notification from the daemon: a `RoundVersion` or a `RoundClosing`.
    public static func notification<Method: ControlMethod>(_ method: Method) throws(ControlError) -> [UInt8] {
        try encode(RequestEnvelope(jsonrpc: "2.0", id: nil, method: Method.schema.name, params: method))
    }

    private static func encode(_ value: some Encodable) throws(ControlError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes: [UInt8]
        do {
            bytes = [UInt8](try encoder.encode(value))
        } catch {
            // A number that is not finite.
            throw .invalidMessage
        }
        guard bytes.count <= FrameKind.message.limitBytes else {
            throw .tooLong(bytes: bytes.count, limitBytes: FrameKind.message.limitBytes)
        }
        return bytes
    }
}

/// The parameters of a message that the strict parser has accepted; Foundation's decoder then fills the types.
struct JSONParameters {
    let message: [UInt8]
    let isPresent: Bool

    func decoded<Parameters: Decodable>() throws(ControlError) -> Parameters {
        guard isPresent else { return try JSONParameters.decode(Parameters.self, Array("{}".utf8)) }
        return try JSONParameters.decode(ParametersEnvelope<Parameters>.self, message).params
    }

    static func parse(_ bytes: [UInt8]) throws(ControlError) -> JSONValue {
        do {
            return try JSONParser.parse(bytes, limitBytes: FrameKind.message.limitBytes)
        } catch {
            throw .json(error)
        }
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(ControlError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw .invalidMessage
        }
    }
}

private struct RequestEnvelope<Parameters: Encodable>: Encodable {
    let jsonrpc: String
    let id: Int64?
    let method: String
    let params: Parameters
}

private struct ParametersEnvelope<Parameters: Decodable>: Decodable {
    let params: Parameters
}

private struct ResultEnvelope<Result: Codable>: Codable {
    let jsonrpc: String
    let id: Int64
    let result: Result
}

private struct RefusalEnvelope: Codable {
    let jsonrpc: String
    let id: Int64?
    let error: ControlRefusal

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(jsonrpc, forKey: .jsonrpc)
        // JSON-RPC 2.0 section 5: null, not absent, where the id could not be read.
        try container.encode(id, forKey: .id)
        try container.encode(error, forKey: .error)
    }
}
