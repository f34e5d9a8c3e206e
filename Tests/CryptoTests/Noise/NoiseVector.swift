import Crypto
import Foundation
import Testing

/// A published test vector of another implementation, as Tests/CryptoTests/Vectors keeps it.
struct NoiseVector: Decodable, Sendable, CustomTestStringConvertible {
    struct Message: Decodable, Sendable {
        let payload: String
        let ciphertext: String
    }

    let origin: String
    let protocolName: String
    let initPrologue, initStatic, initEphemeral: String
    let respPrologue, respStatic, respEphemeral: String
    let messages: [Message]

    /// What `computed` in the file says: from a separate implementation, not part of the published vector.
    let handshakeHashes, afterRekey: [String]

    var testDescription: String { origin }

    init(named name: String) throws {
        let url = try #require(Bundle.module.url(forResource: "Vectors/\(name)", withExtension: "json"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(NoiseVector.self, from: Data(contentsOf: url))
    }

    func initiator() throws -> NoiseHandshake {
        NoiseHandshake(
            role: .initiator, prologue: try bytes(initPrologue), localStatic: try key(initStatic),
            ephemeralSecret: SecretBytes(try bytes(initEphemeral)))
    }

    func responder() throws -> NoiseHandshake {
        NoiseHandshake(
            role: .responder, prologue: try bytes(respPrologue), localStatic: try key(respStatic),
            ephemeralSecret: SecretBytes(try bytes(respEphemeral)))
    }

    func key(_ hex: String) throws -> LinkKey { LinkKey(secret: SecretBytes(try bytes(hex))) }
}

/// The bytes behind hexadecimal text that a test states.
func bytes(_ hex: String) throws -> [UInt8] { try #require(Hex.decode(hex)) }

/// Both ends of a handshake with keys of their own, drawn from `seed`.
struct NoisePair {
    var initiator: NoiseHandshake
    var responder: NoiseHandshake
    let initiatorKey: LinkKey
    let responderKey: LinkKey

    init(seed: UInt64, initiatorPrologue: [UInt8] = [1], responderPrologue: [UInt8] = [1]) {
        var random = SeededRandom(simulationSeed: seed)
        initiatorKey = LinkKey(secret: random.secret(count: 32))
        responderKey = LinkKey(secret: random.secret(count: 32))
        initiator = NoiseHandshake(
            role: .initiator, prologue: initiatorPrologue, localStatic: initiatorKey,
            ephemeralSecret: random.secret(count: 32))
        responder = NoiseHandshake(
            role: .responder, prologue: responderPrologue, localStatic: responderKey,
            ephemeralSecret: random.secret(count: 32))
    }

    /// All three messages, with payloads of a few bytes.
    mutating func run() throws {
        _ = try responder.readMessage(initiator.writeMessage(payload: [1]))
        _ = try initiator.readMessage(responder.writeMessage(payload: [2, 2]))
        _ = try responder.readMessage(initiator.writeMessage(payload: [3, 3, 3]))
    }
}
