import JSON
import Testing

@testable import Control

/// Whatever the bytes are: frames come out whole and within limits, or one error ends the stream. Ready to be the body
/// of a fuzz target.
func frameFuzzEntry(_ bytes: [UInt8]) {
    var whole = FrameDecoder()
    whole.append(bytes)
    let atOnce = drain(&whole)
    var split = FrameDecoder()
    var inParts: [Frame] = []
    var error: FrameError?
    for byte in bytes {
        split.append([byte])
        let result = drain(&split)
        inParts += result.frames
        error = result.error
    }
    // How the bytes were cut must not matter.
    #expect(inParts == atOnce.frames)
    #expect(error == atOnce.error)
    var position = 0
    for frame in atOnce.frames {
        #expect(frame.payload.count <= frame.kind.limitBytes)
        let encoded = frame.bytes
        #expect(Array(bytes[position..<position + encoded.count]) == encoded)
        position += encoded.count
        if frame.kind == .tensor, let tensor = try? TensorFrame(payload: frame.payload) {
            #expect((try? tensor.frame()) == frame)
        }
    }
}

private func drain(_ decoder: inout FrameDecoder) -> (frames: [Frame], error: FrameError?) {
    var frames: [Frame] = []
    while true {
        do throws(FrameError) {
            guard let frame = try decoder.next() else { return (frames, nil) }
            frames.append(frame)
        } catch {
            return (frames, error)
        }
    }
}

/// Whatever the bytes are: a request that is accepted obeys the schema in every field, and a refusal of any other can
/// be sent. Ready to be the body of a fuzz target.
func requestFuzzEntry(_ bytes: [UInt8]) {
    for role in ControlRole.allCases {
        do throws(RejectedRequest) {
            let request = try ControlRequest.decode(bytes, role: role)
            #expect(request.id >= 0)
            guard let message = try? JSONParser.parse(bytes, limitBytes: 1 << 20),
                case .string(let name)? = message["method"], let schema = ControlSchema.method(name)
            else {
                Issue.record("an accepted request that cannot be parsed")
                return
            }
            #expect(role.mayCall(methodOf: schema.role))
            guard case .object(let members)? = message["params"] else { continue }
            for member in members {
                let field = schema.fields.first { $0.name == member.name }
                #expect(field?.kind.accepts(member.value) == true)
            }
        } catch {
            #expect((try? ControlMessage.refusal(id: error.id, ControlRefusal(error.error))) != nil)
        }
    }
}

@Suite struct MutationTests {
    @Test(arguments: 0..<8) func mutatedFramesNeverBreakTheDecoder(seed: UInt64) throws {
        var mutator = Mutator(state: seed)
        let seeds = [
            try Frame(kind: .message, payload: Array("{\"a\":1}".utf8)).bytes,
            try TensorFrame(transfer: 1, kind: .encoded, tensorIndex: 0, offset: 64, bytes: [1, 2, 3]).frame().bytes,
            try Frame(kind: .tensor, payload: [1, 2, 3]).bytes + Frame(kind: .message, payload: []).bytes,
        ]
        for _ in 0..<300 { frameFuzzEntry(mutator.mutate(seeds[mutator.next(seeds.count)])) }
    }

    @Test(arguments: 0..<8) func mutatedRequestsNeverPassTheSchema(seed: UInt64) {
        var mutator = Mutator(state: seed &+ 1000)
        let methods = ControlSchema.methods
        for _ in 0..<200 {
            let method = methods[mutator.next(methods.count)]
            requestFuzzEntry(mutator.mutate(Array(Samples.request(method).utf8)))
        }
    }
}
