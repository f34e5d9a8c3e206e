import Control
import Crypto
import Ledger
import Rounds
import System
import Tensor

extension ControlServer {
    /// Each takes a whole ledger's room on the disk until its client has it; of these one is being written.
    static let ledgerExportsMaximum = 2

    /// Writes the ledger with all payloads that are still kept into a temporary file, then streams that.
    func export(_ id: Int64, _ parameters: LedgerExportBegin, _ connection: ControlConnection) {
        guard !driver.isExporting, count(sending: .ledger) < ControlServer.ledgerExportsMaximum else {
            return connection.refuse(
                id, ControlRefusal(.busy, message: "the ledger is being exported already; try again later"))
        }
        guard let top = existing(parameters.through, id, connection) else { return }
        guard connection.beginSending(.ledger, for: id) else { return }
        let path = driver.jobs.blobs.state.incoming + "/" + intake.label() + ".export"
        let (database, blobs, genesis) = (driver.database, driver.jobs.blobs, site.genesis)
        driver.beginExport { [weak self, driver] in
            driver.workers.submit(
                { () -> Swift.Result<FinishedExport, StoreError> in
                    do throws(StoreError) {
                        return .success(try FinishedExport(path, through: top, genesis, database, blobs))
                    } catch {
                        File.remove(path)
                        return .failure(error)
                    }
                },
                completion: { result in
                    driver.endExport()
                    switch result {
                    case .success(let export): self?.send(export, id, connection)
                    case .failure(let error):
                        driver.report(error)
                        connection.endSending()
                        connection.refuse(id, ControlRefusal(.diskUnavailable, message: "\(error)"))
                    }
                })
        }
    }

    private func send(_ export: FinishedExport, _ id: Int64, _ connection: ControlConnection) {
        // The name is not needed any more: the file goes with its last reader.
        File.remove(export.file.path)
        connection.answer(
            id, to: LedgerExportBegin.self,
            LedgerExport(
                transfer: id & 0x7fff_ffff, bytes: Int64(export.byteCount), height: Int64(export.height.value),
                head: text(export.head)))
        let file = export.file
        stream(.ledger, byteCount: export.byteCount, transfer: UInt32(id & 0x7fff_ffff), connection) { offset, count in
            try? file.read(at: offset, count: count)
        }
    }

    /// Sends bytes that the workers read, a part at a time, as fast as the client takes them. The connection is taken
    /// for this kind of frame by then. If a part cannot be read the connection is closed: a client must not take half
    /// for the whole.
    ///
    /// - Parameter read: gives so many bytes from an offset on; nil if it cannot.
    func stream(
        _ kind: TensorFrameKind, byteCount: Int, transfer: UInt32, from offset: Int = 0,
        _ connection: ControlConnection,
        read: @escaping @Sendable (_ offset: Int, _ count: Int) -> [UInt8]?
    ) {
        guard connection.isOpen, offset < byteCount else { return connection.endSending() }
        let count = min(1 << 20, byteCount - offset)
        driver.workers.submit(
            { read(offset, count) },
            completion: { [weak self] bytes in
                guard let self, let bytes else { return connection.close() }
                connection.send(
                    TensorFrame(transfer: transfer, kind: kind, tensorIndex: 0, offset: UInt64(offset), bytes: bytes))
                connection.whenDrained {
                    self.stream(
                        kind, byteCount: byteCount, transfer: transfer, from: offset + count, connection, read: read)
                }
            })
    }
}

/// An exported ledger in a file of this process.
struct FinishedExport: Sendable {
    let file: File
    let byteCount: Int
    let height: Height
    let head: VersionDigest

    init(
        _ path: String, through top: Height, _ genesis: Genesis, _ database: LedgerDatabase, _ blobs: BlobStore
    ) throws(StoreError) {
        var head = genesis.version.versionDigest
        do {
            let sink = try FilePayloadSink(path: path)
            let writer = try LedgerFileWriter(sink, genesis: genesis)
            var height = Height.genesis
            while height < top {
                height = height.next
                guard let certified = try database.version(at: height) else {
                    throw StoreError.inconsistent(
                        file: database.path, table: "versions", row: "height \(height)", problem: "is missing")
                }
                for entry in certified.version.manifest where blobs.isComplete(entry.contribution) {
                    try blobs.verify(entry.contribution)
                }
                try writer.append(certified, payloads: BlobPayloads(blobs: blobs))
                head = certified.version.versionDigest
            }
            try writer.finish()
            try sink.finish()
        } catch let error as StoreError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .database(file: path, message: "the export failed: \(error)")
        }
        file = try stored(File.open(path, .read))
        byteCount = try stored(file.byteCount())
        height = top
        self.head = head
    }
}
