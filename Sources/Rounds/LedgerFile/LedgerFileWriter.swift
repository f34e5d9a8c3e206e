import Crypto
import Ledger
import System
import Tensor

/// Writes an exported ledger, a part of a payload in memory at a time. The caller finishes the sink after `finish`.
public final class LedgerFileWriter {
    private let sink: any PayloadSink
    private var offset = 0
    private var height = Height.genesis
    private var head: VersionDigest

    private static let partBytes = 1 << 20

    /// Begins the ledger of the network that `genesis` founds.
    public init(_ sink: any PayloadSink, genesis: Genesis) throws(LedgerFileError) {
        self.sink = sink
        head = genesis.version.versionDigest
        try write(LedgerFormat.start(network: genesis.network))
    }

    /// Writes the next height.
    ///
    /// - Parameter payloads: of the version's contributions; those that it lacks are marked as absent.
    public func append(_ certified: CertifiedVersion, payloads: some PayloadSource) throws(LedgerFileError) {
        precondition(certified.height == height.next, "heights come one by one")
        guard certified.contributions.count == certified.version.manifest.count else {
            throw .missingContributions(certified.height)
        }
        let bytes = LedgerFormat.version(certified)
        precondition(bytes.count <= LedgerFormat.versionBytesLimit)
        try write(bytes)
        for (entry, contribution) in zip(certified.version.manifest, certified.contributions) {
            guard let payload = payloads.payload(of: entry.contribution) else {
                try write(LedgerFormat.absentPayload(entry.contribution))
                continue
            }
            guard UInt64(payload.byteCount) == contribution.body.payloadBytes else {
                throw .wrongPayloadSize(
                    certified.height, entry.slot, expected: contribution.body.payloadBytes,
                    found: UInt64(payload.byteCount))
            }
            try copy(payload)
        }
        height = certified.height
        head = certified.version.versionDigest
    }

    /// Writes the end.
    public func finish() throws(LedgerFileError) {
        try write(LedgerFormat.end(height: height, head: head))
    }

    private func copy(_ payload: any PayloadReader) throws(LedgerFileError) {
        try write(LedgerFormat.payloadHeader(byteCount: UInt64(payload.byteCount)))
        var done = 0
        while done < payload.byteCount {
            let count = min(Self.partBytes, payload.byteCount - done)
            let part: [UInt8]
            do throws(CodecError) {
                part = try payload.bytes(at: done, count: count)
            } catch {
                throw .unreadable(error)
            }
            try write(part)
            done += count
        }
    }

    private func write(_ bytes: [UInt8]) throws(LedgerFileError) {
        do throws(FileError) {
            try sink.write(bytes, at: offset)
        } catch {
            throw .file(error)
        }
        offset += bytes.count
    }
}

extension PayloadReader {
    /// Bytes of the payload, which must lie inside of it.
    func bytes(at offset: Int, count: Int) throws(CodecError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 16)
        defer { buffer.deallocate() }
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        try read(at: offset, into: part)
        return Array(part)
    }
}
