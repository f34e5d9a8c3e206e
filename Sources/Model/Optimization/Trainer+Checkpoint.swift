extension ModelLayout {
    /// A 64-bit hash of names, shapes and order: a checkpoint belongs to one layout.
    public var hash: UInt64 {
        var hash: UInt64 = 0
        func add(_ word: UInt64) { hash = SplitMix.mix(hash &+ word &+ 1) }
        for tensor in tensors {
            for byte in tensor.name.utf8 { add(UInt64(byte)) }
            for size in tensor.shape { add(UInt64(size) << 8) }
        }
        add(UInt64(configuration.headCount))
        add(UInt64(configuration.contextLength))
        return hash
    }
}

extension Trainer {
    /// What to keep so that a later trainer goes on bit for bit.
    ///
    /// - Parameters:
    ///   - nextStep: the global inner step to take next.
    ///   - nextBatch: the lowest number of a batch that was not drawn yet; that of the step where not given.
    ///   - includingParameters: false where the parameters come from the daemon.
    ///   - context: words of the caller's own.
    public func checkpoint(
        nextStep: Int, nextBatch: Int? = nil, includingParameters: Bool, context: (UInt64, UInt64, UInt64) = (0, 0, 0)
    ) -> Checkpoint {
        Checkpoint(
            layoutHash: layout.hash, seed: recipe.batches.identifier, nextStep: UInt64(nextStep),
            nextBatch: UInt64(nextBatch ?? nextStep), updates: optimizer.updates, context: context,
            first: optimizer.first.values, second: optimizer.second.values,
            optimizer: optimizer.kind.code, parameters: includingParameters ? Array(transformer.parameters) : nil)
    }

    /// Whether the checkpoint's moments are those of this trainer's optimizer.
    public func isFromSameOptimizer(_ checkpoint: Checkpoint) -> Bool {
        checkpoint.optimizer == optimizer.kind.code
    }

    /// Takes over moments, and parameters where the checkpoint has them.
    ///
    /// - Throws: `ModelError.checkpointMismatch` for a checkpoint of another model, seed or optimizer; nothing has changed then.
    public func restore(_ checkpoint: Checkpoint) throws(ModelError) {
        guard checkpoint.layoutHash == layout.hash, checkpoint.first.count == layout.parameterCount else {
            throw .checkpointMismatch(field: "layout", expected: layout.hash, found: checkpoint.layoutHash)
        }
        guard checkpoint.seed == recipe.batches.identifier else {
            throw .checkpointMismatch(field: "seed", expected: recipe.batches.identifier, found: checkpoint.seed)
        }
        guard isFromSameOptimizer(checkpoint) else {
            throw .checkpointMismatch(
                field: "optimizer", expected: optimizer.kind.code, found: checkpoint.optimizer)
        }
        _ = optimizer.first.buffer.update(fromContentsOf: checkpoint.first)
        _ = optimizer.second.buffer.update(fromContentsOf: checkpoint.second)
        optimizer.updates = checkpoint.updates
        if let parameters = checkpoint.parameters {
            _ = transformer.parameters.update(fromContentsOf: parameters)
        }
    }
}
