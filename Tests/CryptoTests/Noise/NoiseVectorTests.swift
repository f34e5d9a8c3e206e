import Crypto
import Testing

struct NoiseVectorTests {
    static let names = ["noise-xx-cacophony", "noise-xx-snow"]

    @Test(arguments: names)
    func bothRolesProduceAndReadEveryPublishedMessage(name: String) throws {
        let vector = try NoiseVector(named: name)
        #expect(vector.protocolName == NoiseHandshake.protocolName)
        #expect(vector.messages.count > 4)
        var (initiator, responder) = (try vector.initiator(), try vector.responder())

        for (index, message) in vector.messages.prefix(3).enumerated() {
            let (payload, ciphertext) = (try bytes(message.payload), try bytes(message.ciphertext))
            if index.isMultiple(of: 2) {
                #expect(try initiator.writeMessage(payload: payload) == ciphertext)
                #expect(try responder.readMessage(ciphertext).bytes == payload)
            } else {
                #expect(try responder.writeMessage(payload: payload) == ciphertext)
                #expect(try initiator.readMessage(ciphertext).bytes == payload)
            }
        }
        #expect(initiator.isComplete && responder.isComplete)
        #expect(initiator.remoteStatic == (try vector.key(vector.respStatic).publicKey))
        #expect(responder.remoteStatic == (try vector.key(vector.initStatic).publicKey))

        var (ofInitiator, ofResponder) = (initiator.split(), responder.split())
        for (index, message) in vector.messages.enumerated().dropFirst(3) {
            let (payload, ciphertext) = (try bytes(message.payload), try bytes(message.ciphertext))
            if index.isMultiple(of: 2) {
                #expect(try ofInitiator.send.encrypt(payload) == ciphertext)
                #expect(try ofResponder.receive.decrypt(ciphertext) == payload)
            } else {
                #expect(try ofResponder.send.encrypt(payload) == ciphertext)
                #expect(try ofInitiator.receive.decrypt(ciphertext) == payload)
            }
        }
    }

    @Test(arguments: names)
    func transcriptHashesAreThoseOfASecondImplementation(name: String) throws {
        let vector = try NoiseVector(named: name)
        let expected = vector.handshakeHashes
        let payloads = try vector.messages.prefix(3).map { try bytes($0.payload) }
        var (initiator, responder) = (try vector.initiator(), try vector.responder())
        var shown: [[UInt8]] = []

        _ = try responder.readMessage(initiator.writeMessage(payload: payloads[0]))
        let second = try responder.writeMessage { hash in
            shown.append(hash)
            return payloads[1]
        }
        #expect(try initiator.readMessage(second).handshakeHash == bytes(expected[0]))
        let third = try initiator.writeMessage { hash in
            shown.append(hash)
            return payloads[2]
        }
        #expect(try responder.readMessage(third).handshakeHash == bytes(expected[1]))
        #expect(shown.map(Hex.encode) == Array(expected.prefix(2)))
        #expect(Hex.encode(initiator.handshakeHash) == expected[2])
        #expect(Hex.encode(responder.handshakeHash) == expected[2])
    }

    @Test(arguments: names)
    func aRekeyedCipherContinuesAsInASecondImplementation(name: String) throws {
        let vector = try NoiseVector(named: name)
        var (initiator, responder) = (try vector.initiator(), try vector.responder())
        let payloads = try vector.messages.map { try bytes($0.payload) }
        _ = try responder.readMessage(initiator.writeMessage(payload: payloads[0]))
        _ = try initiator.readMessage(responder.writeMessage(payload: payloads[1]))
        _ = try responder.readMessage(initiator.writeMessage(payload: payloads[2]))
        var (ofInitiator, ofResponder) = (initiator.split(), responder.split())
        for (index, payload) in payloads.enumerated().dropFirst(3) {
            if index.isMultiple(of: 2) {
                _ = try ofInitiator.send.encrypt(payload)
            } else {
                _ = try ofResponder.send.encrypt(payload)
            }
        }
        ofInitiator.send.rekey()
        ofResponder.send.rekey()
        #expect(try Hex.encode(ofInitiator.send.encrypt(Array("after rekey".utf8))) == vector.afterRekey[0])
        #expect(try Hex.encode(ofResponder.send.encrypt(Array("after rekey".utf8))) == vector.afterRekey[1])
    }
}
