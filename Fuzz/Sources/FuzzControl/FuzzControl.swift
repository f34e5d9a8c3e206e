import Control

/// The control socket: frames in any cut, and the requests and replies within them.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzControl(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    for role in [ControlRole.trainer, .operator] { _ = try? ControlRequest.decode(bytes, role: role) }
    _ = try? ControlReply.decode(bytes)
    _ = try? TensorFrame(payload: bytes)
    var decoder = FrameDecoder()
    decoder.append(bytes)
    while let frame = try? decoder.next() {
        precondition(frame.payload.count <= count, "a frame is larger than what came")
    }
    return 0
}
