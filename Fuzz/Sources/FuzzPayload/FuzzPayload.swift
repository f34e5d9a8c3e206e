import Tensor

/// The payload of a contribution: whatever decodes stays within the layout, and measuring it ends.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPayload(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let layout = try? ParameterLayout([(name: "a", shape: [3, 100]), (name: "b", shape: [5000])]) else {
        preconditionFailure("the layout is sound")
    }
    for profile in [CodecProfile.standard, .denseFloat32] {
        _ = try? Contribution(payload: MemoryPayload(bytes), layout: layout, profile: profile).measure()
    }
    return 0
}
