import Control
import Crypto
import Model
import Tensor

/// Parameters and pseudo-gradients between flat vectors and tensor frames.
enum ParameterTransfer {
    /// Compares the daemon's layout with the model's.
    ///
    /// - Throws: `ModelError.tensors` unless the daemon names exactly the model's tensors and shapes, in its order.
    static func check(_ attached: [TensorShape], against layout: ModelLayout) throws {
        guard attached.count == layout.tensors.count else {
            throw ModelError.tensors(
                path: "the daemon's layout",
                reason: "\(attached.count) tensors, config.json gives \(layout.tensors.count)")
        }
        for (theirs, ours) in zip(attached, layout.tensors) {
            guard theirs.name.hasSameBytes(as: ours.name), theirs.shape == ours.shape.map(Int64.init) else {
                throw ModelError.tensors(
                    path: "the daemon's layout",
                    reason: "\(theirs.name) \(theirs.shape) where config.json gives \(ours.name) \(ours.shape)")
            }
        }
    }

    /// Fetches a version to train on, and checks that it is the one that was certified.
    static func base(_ version: DigestText, layout: ModelLayout, from daemon: DaemonConnection) throws -> [Float] {
        let transfer = try daemon.call(TrainerBase(version: version))
        return try receive(
            transfer.transfer, bytes: transfer.bytes, root: transfer.parametersRoot, layout: layout, from: daemon)
    }

    /// Fetches the version of a height, where trainers cannot ask, and checks that it is the one that was certified.
    static func version(at height: Int64, layout: ModelLayout, from daemon: DaemonConnection) throws -> [Float] {
        let export = try daemon.call(ParametersExportBegin(height: height))
        return try receive(export.transfer, bytes: export.bytes, root: export.root, layout: layout, from: daemon)
    }

    /// Fetches the state of the shared optimizer at a height, and checks that it is the one that was certified.
    static func optimizerState(
        at height: Int64, layout: ModelLayout, from daemon: DaemonConnection
    ) throws -> [Float] {
        let export = try daemon.call(ParametersExportBegin(height: height, part: .optimizer))
        return try receive(
            export.transfer, bytes: export.bytes, root: export.root, layout: layout, hasSteps: true, from: daemon)
    }

    /// - Parameter hasSteps: whether one more value, the number of steps, stands behind the last tensor.
    private static func receive(
        _ transfer: Int64, bytes: Int64, root expected: DigestText, layout: ModelLayout, hasSteps: Bool = false,
        from daemon: DaemonConnection
    ) throws -> [Float] {
        var ranges = layout.tensors.map(\.range)
        if hasSteps { ranges.append(layout.parameterCount..<layout.parameterCount + 1) }
        let count = layout.parameterCount + (hasSteps ? 1 : 0)
        guard bytes == 4 * Int64(count) else { throw ControlClientError.unexpected("\(bytes) bytes of parameters") }
        var parameters = [Float](repeating: 0, count: count)
        var done = 0
        while done < parameters.count {
            let frame = try daemon.tensorFrame()
            guard Int64(frame.transfer) == transfer, frame.kind == .parameters, Int(frame.tensorIndex) < ranges.count
            else { throw ControlClientError.unexpected("a frame of another transfer") }
            let range = ranges[Int(frame.tensorIndex)]
            let count = frame.bytes.count / 4
            // Ascending and without holes: the next element is the only acceptable one.
            guard frame.bytes.count % 4 == 0, count > 0, done >= range.lowerBound,
                frame.offset == UInt64(done - range.lowerBound), count <= range.upperBound - done
            else { throw ControlClientError.unexpected("parameters out of order") }
            frame.bytes.withUnsafeBytes { raw in
                for index in 0..<count {
                    let pattern = raw.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
                    parameters[done + index] = Float(bitPattern: UInt32(littleEndian: pattern))
                }
            }
            done += count
        }
        let root = try ParameterFile.tree(of: ParameterArray(parameters)).root
        guard root.description == expected.text else {
            throw ControlClientError.unexpected("parameters with root \(root), certified is \(expected)")
        }
        return parameters
    }

    /// Fetches the payload of a contribution, and checks that it decodes as the daemon says.
    static func contribution(
        _ digest: DigestText, height: Int64?, layout: ModelLayout, from daemon: DaemonConnection
    ) throws -> (export: ContributionExport, contribution: Contribution) {
        let export = try daemon.call(ContributionExportBegin(contribution: digest, height: height))
        guard let profile = profile(export.codec) else {
            throw ControlClientError.unexpected("an encoding that this program does not know")
        }
        let limit = Contribution.byteLimit(layout: layout.parameters, profile: profile)
        guard (1...Int64(limit)).contains(export.bytes) else {
            throw ControlClientError.unexpected("a payload of \(export.bytes) bytes, at most \(limit) are possible")
        }
        var payload: [UInt8] = []
        while payload.count < Int(export.bytes) {
            let frame = try daemon.tensorFrame()
            guard Int64(frame.transfer) == export.transfer, frame.kind == .contribution, frame.tensorIndex == 0,
                frame.offset == UInt64(payload.count), !frame.bytes.isEmpty,
                frame.bytes.count <= Int(export.bytes) - payload.count
            else { throw ControlClientError.unexpected("a payload out of order") }
            payload += frame.bytes
        }
        let contribution = try Contribution(
            payload: MemoryPayload(payload), layout: layout.parameters, profile: profile)
        return (export, contribution)
    }

    private static func profile(_ codec: Control.CodecProfile) -> Tensor.CodecProfile? {
        let profile: Tensor.CodecProfile =
            switch codec.name {
            case .topK: .topK(kept: Int(clamping: codec.keptPerChunk), bits: Int(clamping: codec.valueBits))
            case .denseFloat32: .denseFloat32
            case .denseBFloat16: .denseBFloat16
            }
        return profile.isValid ? profile : nil
    }

    /// Hands over one contribution.
    ///
    /// - Parameter delta: trained minus base, or under a shared optimizer the mean gradient, at each parameter.
    static func contribute(
        _ delta: (Int) -> Float, version: DigestText, record: RoundRecord, layout: ModelLayout,
        to daemon: DaemonConnection
    ) throws -> ContributionCommitted {
        let transfer = daemon.newTransfer()
        _ = try daemon.call(
            TrainerContributeBegin(
                base: version, form: .delta, transfer: Int64(transfer), bytes: 4 * Int64(layout.parameterCount)))
        let part = TensorFrame.limitBytes / 4
        for (index, tensor) in layout.tensors.enumerated() {
            for start in stride(from: 0, to: tensor.count, by: part) {
                let count = min(part, tensor.count - start)
                let bytes = [UInt8](unsafeUninitializedCapacity: 4 * count) { buffer, filled in
                    for position in 0..<count {
                        let pattern = delta(tensor.offset + start + position).bitPattern.littleEndian
                        UnsafeMutableRawBufferPointer(buffer).storeBytes(
                            of: pattern, toByteOffset: 4 * position, as: UInt32.self)
                    }
                    filled = 4 * count
                }
                try daemon.send(
                    try TensorFrame(
                        transfer: transfer, kind: .delta, tensorIndex: UInt32(index), offset: UInt64(start),
                        bytes: bytes
                    ).frame())
            }
        }
        return try daemon.call(
            TrainerContributeCommit(
                transfer: Int64(transfer), steps: Int64(record.steps), tokens: Int64(record.tokens),
                loss: record.reportedLoss, datasets: [record.dataset]))
    }
}

/// What is told about one round of training.
struct RoundRecord {
    let height: Int64
    let steps: Int
    let tokens: Int
    /// Mean loss of the round's batches, in nats per token.
    let trainingLoss: Double
    let reportsLoss: Bool
    /// The data set's id.
    let dataset: DigestText

    /// What the members learn: to 0.01 nats per token, or nothing.
    var reportedLoss: Double? { reportsLoss ? (trainingLoss * 100).rounded() / 100 : nil }
}
