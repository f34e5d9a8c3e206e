import Crypto
import Ledger

/// Averagings of the next height: asked for once, and remembered until the height is adopted.
struct AveragingTable {
    enum State: Equatable {
        case running
        /// Started again at the next tick.
        case failed
        /// No machine can average this manifest: a payload that lists it is invalid.
        case refused
        case done(StateRoots)
    }

    var states: [AveragingID: State] = [:]
    /// Asked for again and again while it runs.
    private var lastNamed: (parent: VersionDigest, manifest: [ManifestEntry], name: AveragingID)?

    mutating func name(parent: VersionDigest, manifest: [ManifestEntry]) -> AveragingID {
        if let lastNamed, lastNamed.parent == parent, lastNamed.manifest == manifest { return lastNamed.name }
        let name = AveragingID(parent: parent, manifest: manifest)
        lastNamed = (parent, manifest, name)
        return name
    }

    mutating func forgetFailures() { states = states.filter { $0.value != .failed } }
}

extension Node {
    /// What a payload embeds, as far as it is here; nil while something lacks, which is then fetched.
    func embedded(_ payload: Payload) -> EmbeddedPayload? {
        var lacking: [FetchItem] = []
        let ready = payload.support.ready.compactMap { digest -> Signed<Ready>? in
            let record = height.readyObjects[digest]
            if record == nil { lacking.append(.ready(digest)) }
            return record
        }
        let closings = closings(of: payload.support, lacking: &lacking)
        let availability = payload.version.manifest.compactMap { entry -> AvailabilityCertificate? in
            let certificate = contributions.certificates[entry.availability]
            if certificate == nil { lacking.append(.availability(entry.availability)) }
            return certificate
        }
        let action = payload.support.action.flatMap { height.actions[$0] }
        if let digest = payload.support.action, action == nil { lacking.append(.action(digest)) }
        guard lacking.isEmpty, let closings else {
            fetch(lacking)
            return nil
        }
        return EmbeddedPayload(
            payload: payload, ready: ready, closings: closings, availability: availability, action: action)
    }

    /// Judges a fresh payload: first what it embeds, then, once its contributions are all here, its roots. Nil means
    /// wait: missing data is never a "no".
    func validation(of version: VersionDigest) -> PayloadValidation? {
        if let validation = height.validations[version] { return validation }
        guard let payload = height.payloads[version] else {
            fetch([.payload(version)])
            return nil
        }
        // Before anything that it names is requested.
        if !height.validExceptRoots.contains(version), let fault = faultOfShape(payload) {
            return refuse(payload, nil, fault)
        }
        guard let embedded = embedded(payload) else { return nil }
        if !height.validExceptRoots.contains(version) {
            do throws(PayloadFault) {
                try chain.validate(embedded, verifier: verifier)
            } catch {
                return refuse(payload, embedded, error)
            }
            height.validExceptRoots.insert(version)
        }
        guard let contributions = records(of: payload.version.manifest) else { return nil }
        do throws(PayloadFault) {
            try chain.checkWeights(payload.version.manifest, contributions)
        } catch {
            return refuse(payload, embedded, error)
        }
        if isAveragingRefused(payload.version.manifest) {
            height.validations[version] = .invalid
            return .invalid
        }
        guard let roots = computedRoots(of: embedded) else { return nil }
        if roots != payload.version.roots {
            emit(.rootMismatch(height.height, expected: payload.version.roots, computed: roots))
        }
        let validation: PayloadValidation = roots == payload.version.roots ? .valid : .invalid
        height.validations[version] = validation
        return validation
    }

    @discardableResult
    func refuse(_ payload: Payload, _ embedded: EmbeddedPayload?, _ fault: PayloadFault) -> PayloadValidation {
        emit(.payloadRefused(height.view, payload, embedded, fault))
        height.validations[payload.version.versionDigest] = .invalid
        return .invalid
    }

    /// What is wrong with a payload, as far as it shows before anything that it names is here.
    func faultOfShape(_ payload: Payload) -> PayloadFault? {
        do throws(PayloadFault) { try chain.checkShape(payload) } catch { return error }
        return payload.support.closings.first { commitments.oversized.contains($0) }.map { .oversizedClosing($0) }
    }

    /// The records of what a manifest lists, in its order; nil while some lack, which are then fetched.
    private func records(of manifest: [ManifestEntry]) -> [Contribution]? {
        let records = manifest.compactMap { contributions[$0.contribution]?.contribution }
        guard records.count < manifest.count else { return records }
        fetch(manifest.map(\.contribution).filter { contributions[$0] == nil }.map { .contribution($0) })
        return nil
    }

    /// The roots that averaging this manifest on the head gives; nil while contributions lack or the job runs.
    func averagedRoots(of manifest: [ManifestEntry]) -> StateRoots? {
        guard !manifest.isEmpty else { return chain.head.roots }
        guard !synchronisation.lacksParameters else { return nil }
        let lacking = manifest.map(\.contribution).filter { contributions[$0] == nil }
        if !lacking.isEmpty { fetch(lacking.map { .contribution($0) }) }
        guard manifest.allSatisfy({ contributions[$0.contribution]?.status == .valid }) else { return nil }
        let id = averagings.name(parent: chain.headDigest, manifest: manifest)
        switch averagings.states[id] {
        case .done(let roots): return roots
        case .running, .failed, .refused: return nil
        case nil:
            averagings.states[id] = .running
            effects.append(.average(id, parent: chain.head, manifest: manifest))
            return nil
        }
    }

    private func isAveragingRefused(_ manifest: [ManifestEntry]) -> Bool {
        averagings.states[averagings.name(parent: chain.headDigest, manifest: manifest)] == .refused
    }

    func averagingRefused(_ id: AveragingID, _ reason: String) {
        guard averagings.states[id] == .running else { return }
        averagings.states[id] = .refused
        raise(.averagingRefused(height.height, reason: reason))
        pacing.progressed = true
    }

    func averaged(_ id: AveragingID, _ roots: StateRoots?) {
        guard averagings.states[id] == .running else { return }
        averagings.states[id] = roots.map { .done($0) } ?? .failed
        if roots != nil { pacing.progressed = true }
    }
}
