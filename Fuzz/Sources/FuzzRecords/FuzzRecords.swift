import Crypto
import Ledger

/// Every record that comes from outside: the bytes are refused, or are the one encoding of what was read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRecords(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    check(GenesisFile.self, bytes)
    check(SignedCard.self, bytes)
    check(CertifiedVersion.self, bytes)
    check(Signed<Contribution>.self, bytes)
    check(Signed<Ready>.self, bytes)
    check(Signed<Proposal>.self, bytes)
    check(AvailabilityCertificate.self, bytes)
    check(VoteCertificate.self, bytes)
    check(Signed<AddressRecord>.self, bytes)
    return 0
}

private func check<Item: Record>(_: Item.Type, _ bytes: [UInt8]) {
    guard let record = try? Item(encoded: bytes) else { return }
    precondition(record.encoded == bytes, "\(Item.self) has a second encoding")
}
