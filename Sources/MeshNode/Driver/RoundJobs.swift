import Compression
import Crypto
import Gossip
import Ledger
import Link
import Rounds
import System
import Tensor

/// The heavy jobs of a round, as workers run them: pure but for the files that they read and write.
struct RoundJobs: Sendable {
    let blobs: BlobStore
    let parameters: ParameterStore

    var layout: ParameterLayout { parameters.layout }

    /// What a job found, and the trouble with the disk that it met on its way.
    struct Outcome<Value: Sendable>: Sendable {
        var value: Value
        var trouble: StoreError?
    }

    /// Expands a piece that came as a frame, checks it against the signed root, and writes it.
    func storePiece(
        _ contribution: Ledger.Contribution, _ index: Int, _ proof: [Digest], _ received: [UInt8]
    ) -> Outcome<PieceOutcome> {
        let size = contribution.byteCount(ofPiece: index)
        guard let bytes = received.count == size ? received : PieceFrame.decompress(received, byteCount: size) else {
            return Outcome(value: .mismatch)
        }
        do throws(FileError) {
            let stands = try blobs.storePiece(contribution, index: index, proof: proof, bytes: bytes)
            return Outcome(value: stands ? .stored : .mismatch)
        } catch {
            return Outcome(value: .failed, trouble: .file(error))
        }
    }

    /// A piece as it goes over a link, with its proof: its frame, or its bytes if a frame is not smaller.
    func readPiece(_ name: PieceName) -> Outcome<SentPiece?> {
        do throws(FileError) {
            let piece = try blobs.readPiece(name.contribution, index: name.index)
            return Outcome(
                value: piece.map { piece in
                    SentPiece(bytes: PieceFrame.compress(piece.bytes) ?? piece.bytes, proof: piece.proof)
                })
        } catch {
            return Outcome(value: nil, trouble: .file(error))
        }
    }

    struct SentPiece: Sendable {
        let bytes: [UInt8]
        let proof: [Digest]
    }

    /// Decodes and checks all of a complete payload, then makes it durable under its name.
    func validate(_ contribution: Ledger.Contribution, rules: Rules) -> Outcome<ValidationOutcome> {
        let digest = contribution.contributionDigest
        let payload: FilePayload
        do throws(FileError) {
            payload = try FilePayload(path: blobs.payloadPath(digest))
        } catch {
            return Outcome(value: .failed, trouble: .file(error))
        }
        do throws(ContributionFault) {
            try ContributionValidation.validate(contribution, payload: payload, layout: layout, rules: rules)
        } catch {
            if let refusal = error.refusal { return Outcome(value: .refused(refusal)) }
            return Outcome(
                value: .failed, trouble: .file(.damaged(file: blobs.payloadPath(digest), place: "its pieces")))
        }
        do throws(FileError) {
            try blobs.complete(digest)
            return Outcome(value: .valid)
        } catch {
            return Outcome(value: .failed, trouble: .file(error))
        }
    }

    /// The roots of the next version, and how its contributions went into it.
    struct Average: Sendable {
        let roots: StateRoots
        let figures: AveragingFigures
    }

    /// Averages a manifest on top of the parent's parameters; the result lies synced under its root afterwards.
    ///
    /// Every piece of every contribution, and every block of the parent, is held against its Merkle root again.
    func average(
        _ manifest: [ManifestEntry], parent: Digest, rules: Rules, members: Int, name: String, workers: Int
    ) -> Outcome<Averaging> {
        let output = parameters.state.params + "/" + name + ".f32"
        do {
            for entry in manifest { try blobs.verify(entry.contribution) }
            let base = try parameters.open(parent)
            let (roots, figures) = try ManifestAverage.average(
                manifest, payloads: BlobPayloads(blobs: blobs), parent: base, layout: layout, rules: rules,
                members: members, outputPath: output, workers: workers)
            try File.rename(output, to: parameters.state.parameters(roots.name))
            return Outcome(value: .done(Average(roots: roots, figures: figures)))
        } catch let error as FileError {
            return Outcome(value: .failed, trouble: .file(error))
        } catch ManifestFault.nonFinite(let block) {
            return Outcome(value: .refused("block \(block) of the parameters would leave the range of float32"))
        } catch let error as ManifestFault {
            return Outcome(value: .failed, trouble: StoreError(error, output))
        } catch {
            return Outcome(value: .failed, trouble: .database(file: output, message: "\(error)"))
        }
    }

    enum Averaging: Sendable {
        case done(Average)
        /// No machine can average this manifest, for the named reason.
        case refused(String)
        /// The storage of this machine failed.
        case failed
    }
}

extension StoreError {
    init(_ fault: ManifestFault, _ output: String) {
        switch fault {
        case .file(let error): self = .file(error)
        case .missingPayload(let digest): self = .file(.damaged(file: "blobs/\(digest)", place: "the whole file"))
        case .contribution(let digest, let error):
            self = .file(.damaged(file: "blobs/\(digest)", place: "its payload (\(error))"))
        case .nonFinite(let block):
            self = .file(.damaged(file: output, place: "block \(block) left the range of float32"))
        }
    }
}
