import Crypto
import Ledger
import Link

/// The replay of the history without what the members excluded: which one is asked for, and how far it has come.
struct ReplayTask {
    enum State: Equatable {
        case running
        /// Started again at the next tick.
        case failed
        case done(StateRoots)
    }

    /// Through which version.
    let parent: VersionDigest
    /// Without what.
    let exclusions: Digest
    /// The replay had come through the version before this one when it was asked for: it lacks one averaging.
    let isClose: Bool
    var state = State.running
}

extension Node {
    /// Has the shell replay through the head while a revert is pending: anew with every head and every further
    /// exclusion. It goes on from where it is as far as it can.
    func replayIfPending() {
        guard !chain.governance.pendingReverts.isEmpty else {
            replay = nil
            return
        }
        let exclusions = chain.governance.exclusionsDigest
        guard replay?.parent != chain.headDigest || replay?.exclusions != exclusions else { return }
        var isClose = false
        if let last = replay, case .done = last.state {
            isClose = last.exclusions == exclusions && last.parent == chain.head.parent
        }
        replay = ReplayTask(parent: chain.headDigest, exclusions: exclusions, isClose: isClose)
        effects.append(.replay(chain))
    }

    /// The replay came through `parent`; nil where it failed for a reason of this machine.
    func replayed(_ parent: VersionDigest, _ exclusions: Digest, _ roots: StateRoots?) {
        guard let task = replay, task.parent == parent, task.exclusions == exclusions, task.state == .running else {
            return
        }
        replay?.state = roots.map { .done($0) } ?? .failed
        guard roots != nil else { return }
        emit(.replayFinished(chain.height))
        pacing.progressed = true
    }

    func retryReplay() {
        guard replay?.state == .failed else { return }
        replay?.state = .running
        effects.append(.replay(chain))
    }

    /// What the replay gave on the head; nil while none is pending or it has not come so far.
    var replayedRoots: StateRoots? {
        guard let replay, replay.parent == chain.headDigest, case .done(let roots) = replay.state else { return nil }
        return roots
    }

    /// Whether it is worth while to put a ready record off for the replay: it is about to come through.
    var awaitsReplay: Bool { replay.map { $0.isClose && $0.state == .running } ?? false }

    /// The roots that a payload must have: of the replay where it takes over, else of the averaging. Nil while a job runs
    /// or something lacks: then nobody says no.
    func computedRoots(of embedded: EmbeddedPayload) -> StateRoots? {
        chain.isSwitch(embedded) ? replayedRoots : averagedRoots(of: embedded.version.manifest)
    }

    /// The quorum of ready records for a fresh payload: those that flag what this node's own replay gave, where there
    /// are enough; else those that name most, but not such a quorum as would make the payload a switch that this node
    /// cannot vouch for. Nil where there is none.
    var recordsToEmbed: [Signed<Ready>]? {
        let quorum = height.members.quorum
        func chosen(_ records: [Signed<Ready>]) -> [Signed<Ready>]? {
            guard records.count >= quorum else { return nil }
            return records.prefix(quorum).map { (name: height.name(of: $0), record: $0) }
                .sorted { $0.name < $1.name }.map(\.record)
        }
        if let roots = replayedRoots {
            let flagged = height.ready.keys.sorted().compactMap { height.ready[$0] }
                .filter { $0.body.replayed == roots }
            if let records = chosen(flagged) { return records }
            if let deadline = flagDeadline, now < deadline { return nil }
        }
        // Ties go to the lower index, so that a leader's choice is fixed. A record that names more than honest ones do is left
        // alone: with such records a payload could outgrow its message.
        let slotsMaximum = Wire.readySlotsMaximum(memberCount: height.members.count)
        let byCount = height.ready.filter { $0.value.body.slots.count <= slotsMaximum }.sorted { left, right in
            func weight(_ ready: Ready) -> (Int, Int, Int) {
                (ready.slots.count, ready.actions.count, ready.reviews.count)
            }
            let (a, b) = (weight(left.value.body), weight(right.value.body))
            return a != b ? a > b : left.key < right.key
        }.map(\.value)
        guard let records = chosen(byCount) else { return nil }
        guard let foreign = chain.rootsToSwitch(by: records.map(\.body)) else { return records }
        guard let other = byCount.first(where: { $0.body.replayed != foreign }) else { return nil }
        return chosen([other] + byCount.filter { $0 != other })
    }

    /// Until when a leader whose replay came through waits for flags, where members that it has not heard may make a
    /// quorum of them: else one that never flags and is always early could put the switch off for ever.
    var flagDeadline: Instant? {
        guard let roots = replayedRoots, let index = selfIndex, height.leader(of: height.view) == index,
            !height.own.proposed.contains(height.view), height.decided == nil, maySign(at: height.height),
            height.ready.count >= height.members.quorum, let started = height.viewStarted
        else { return nil }
        let flagged = height.ready.values.count { $0.body.replayed == roots }
        let possible = flagged + height.members.count - height.ready.count
        guard flagged < height.members.quorum, possible >= height.members.quorum else { return nil }
        return started + viewMilliseconds / 4
    }

    /// The version in which the replayed state takes over, on these ready records.
    func switchVersion(to roots: StateRoots, support: Support) -> Version {
        Version(
            network: chain.network, height: height.height, parent: chain.headDigest, manifest: [],
            action: chain.switchAction(to: roots).digest, rules: chain.rules.digest, members: chain.members.digest,
            support: support.digest, roots: roots)
    }
}
