import Crypto
import Gossip
import Ledger

/// The Noise responder and its frames, as a stranger meets them: nothing is established, and little is kept.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLink(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    var random = SeededRandom(simulationSeed: 1)
    let nodeKey = SigningKey(seed: random.secret(count: 32))
    let identity = LinkIdentity(
        network: NetworkID(.zero), member: MemberID(firstOperatorKey: nodeKey.verifyingKey), nodeKey: nodeKey,
        linkKey: LinkKey(secret: random.secret(count: 32)))
    let session = LinkSession(
        role: .responder, identity: identity, expected: nil, admit: { _ in nil }, random: &random,
        now: Instant(milliseconds: 0))
    var outputs: [LinkOutput] = []
    try? session.receive(bytes, now: Instant(milliseconds: 1), into: &outputs)
    precondition(outputs.isEmpty && !session.isEstablished, "a stranger got in")
    precondition(session.bufferedBytes <= count, "more is kept than came")
    return 0
}
