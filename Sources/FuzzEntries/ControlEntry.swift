import Control

/// The control socket: frames come out alike however they are cut, and what is accepted obeys the closed schema.
enum ControlEntry {
    static func run(_ bytes: [UInt8]) {
        frames(bytes)
        for role in ControlRole.allCases { request(bytes, role) }
        _ = try? ControlReply.decode(bytes)
        _ = try? TensorFrame(payload: bytes)
    }

    private static func frames(_ bytes: [UInt8]) {
        let whole = decoded([bytes])
        let split = decoded(stride(from: 0, to: bytes.count, by: 3).map { Array(bytes[$0..<min(bytes.count, $0 + 3)]) })
        precondition(whole == split, "it matters how the bytes were cut")
        for frame in whole {
            precondition(frame.payload.count <= frame.kind.limitBytes, "a frame is larger than its kind allows")
        }
    }

    private static func decoded(_ chunks: [[UInt8]]) -> [Frame] {
        var decoder = FrameDecoder()
        var frames: [Frame] = []
        do throws(FrameError) {
            for chunk in chunks {
                decoder.append(chunk)
                while let frame = try decoder.next() { frames.append(frame) }
            }
        } catch { return frames }
        return frames
    }

    private static func request(_ bytes: [UInt8], _ role: ControlRole) {
        do throws(RejectedRequest) {
            _ = try ControlRequest.decode(bytes, role: role)
        } catch {
            precondition(
                (try? ControlMessage.refusal(id: error.id, ControlRefusal(error.error))) != nil,
                "a refusal cannot be sent")
        }
    }
}
