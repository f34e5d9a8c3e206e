import Control
import Glibc
import Gossip
import Ledger
import Link

extension ControlServer {
    var status: StatusResponse {
        let report = driver.node.report(now: driver.now)
        return StatusResponse(
            site: site.name, network: text(chain.network), height: Int64(report.height.value),
            head: text(report.head), view: Int64(report.view.value), phase: phase(report),
            phaseMilliseconds: Int64(clamping: driver.phaseMilliseconds(report)), waitsFor: waits(report),
            members: Int64(chain.members.count), quorum: Int64(chain.members.quorum), peers: peerStates,
            trainer: trainer?.state ?? .absent, disk: disk, alarms: alarms(report),
            residentBytes: ControlServer.residentBytes,
            uptimeMilliseconds: Int64(clamping: driver.now.milliseconds - site.started),
            isMember: isMember, proposals: Int64(report.proposals.count { !$0.isClosed }),
            observers: Int64(membership.invited.count), diskUse: diskUse, replay: replayState,
            minContributions: Int64(chain.rules.minContributions),
            availableContributions: Int64(
                Set(report.candidates.filter(\.isAvailable).map(\.contribution.author)).count),
            addresses: addressStates, droppedLogMessages: Int64(clamping: LogOutput.standardError.droppedCount),
            trainerTrouble: trainerTrouble)
    }

    /// In words, with what to do.
    static func words(_ trouble: TrainerTrouble) -> String {
        switch trouble {
        case .nonFiniteLoss:
            "its loss became infinite or not a number; look at its text and at the rules' learning rate, then start it again"
        case .diskFull: "its state directory has no room; it goes on once there is some"
        }
    }

    private var addressStates: [AddressState] {
        driver.transport.targets.filter(\.isConfigured).map { target in
            let member = target.member.flatMap { chain.members[$0] }
            let view = target.member.map { driver.transport.view(of: $0) }
            let link: LinkState =
                view?.isLinked == true
                ? .up : driver.transport.isDialling(target) ? .connecting : target.isOwn ? .unknown : .down
            return AddressState(
                address: target.address, link: link, site: member.map { siteName($0.name) },
                error: target.isOwn ? "leads back to this site: take it out of [mesh] peers" : target.lastError)
        }
    }

    private var diskUse: DiskUse? {
        driver.countDiskUse()
        return driver.diskUse.map { use in
            DiskUse(
                ledgerBytes: Int64(use.ledgerBytes), payloadBytes: Int64(use.payloadBytes),
                parameterBytes: Int64(use.parameterBytes), bases: Int64(driver.baseRoots.count),
                oldestBase: Int64(chain.oldestBase.value))
        }
    }

    private var isMember: Bool { chain.members[driver.node.identity.member] != nil }

    private func phase(_ report: NodeReport) -> RoundPhase {
        switch report.phase {
        case .gathering: report.waits.contains { $0.reason == .ready } ? .ready : .collecting
        case .agreeing:
            if report.waits.contains(where: { $0.reason == .finalizeVote }) {
                .finalizing
            } else if report.waits.contains(where: { $0.reason == .notarizeVote }) {
                .notarizing
            } else {
                .proposing
            }
        case .adopting: .finalizing
        case .catchingUp: .catchingUp
        case .recovering: .recovering
        case .stopped: .stopped
        }
    }

    private func waits(_ report: NodeReport) -> [Waiting] {
        report.waits.compactMap { wait -> Waiting? in
            guard let reason = ControlServer.reason(wait.reason) else { return nil }
            return Waiting(site: siteName(wait.member, in: chain.members), reason: reason)
        }.sorted { $0.site < $1.site }
    }

    /// Nil for what a site waits for at itself: the phase says that.
    private static func reason(_ reason: Wait.Reason) -> Waiting.Reason? {
        switch reason {
        case .contribution: .contribution
        case .pieces, .version: .pieces
        case .availabilityVotes: .acknowledgement
        case .closed: .closed
        case .ready: .ready
        case .proposal: .proposal
        case .notarizeVote: .notarize
        case .finalizeVote: .finalize
        case .link: .unreachable
        case .averaging: nil
        }
    }

    private var others: [Ledger.Member] { chain.members.members.filter { $0.id != driver.node.identity.member } }

    private func linkState(_ view: Transport.PeerView) -> LinkState {
        if view.isLinked { return .up }
        if view.isConnecting { return .connecting }
        return view.addresses.isEmpty ? .unknown : .down
    }

    private var peerStates: [PeerState] {
        others.map { member in
            let view = driver.transport.view(of: member.id)
            return PeerState(site: siteName(member.name), link: linkState(view), error: view.error)
        }.sorted { $0.site < $1.site }
    }

    var peers: [PeerDetail] {
        others.map { member in
            let view = driver.transport.view(of: member.id)
            return PeerDetail(
                site: siteName(member.name), addresses: view.addresses, link: linkState(view), error: view.error,
                roundTripMicroseconds: view.roundTripMilliseconds.map { Int64(clamping: $0) * 1000 },
                receivedBytes: Int64(clamping: view.receivedBytes), sentBytes: Int64(clamping: view.sentBytes),
                receivedPieceBytes: Int64(clamping: view.receivedPieceBytes))
        }.sorted { $0.site < $1.site }
    }

    private var disk: DiskState {
        switch driver.health.commitFailure ?? driver.health.writeFailure {
        case nil: .writable
        case .file(let error)? where error.isFullDisk: .full
        case .file(let error)? where error.isReadOnlyDisk: .readOnly
        case .database(_, let message)? where message.contains("full"): .full
        case .database(_, let message)? where message.contains("readonly"): .readOnly
        default: .failed
        }
    }

    private func alarms(_ report: NodeReport) -> [Control.Alarm] {
        var alarms: [Control.Alarm] = []
        for alarm in report.alarms {
            switch alarm {
            case .conflictingCertificates, .retiredKeysCertified:
                alarms.append(Control.Alarm(kind: .conflictingCertificates, message: Driver.describe(alarm)))
            case .refusedAvailableContribution, .refusedListedContribution, .averagingRefused:
                alarms.append(Control.Alarm(kind: .refusedContribution, message: Driver.describe(alarm)))
            case .divergedFromCertifiedRoots, .inapplicableVersion:
                alarms.append(Control.Alarm(kind: .corruption, message: Driver.describe(alarm)))
            case .secondInstance:
                alarms.append(Control.Alarm(kind: .duplicateKey, message: Driver.describe(alarm)))
            }
        }
        if let text = ControlServer.describe(report.signing) {
            alarms.append(Control.Alarm(kind: .recovery, message: text))
        }
        alarms += report.accused.map { member, proofs in
            let who =
                member == driver.node.identity.member
                ? "another process signs with this site's node key" : "\(driver.name(member)) broke the protocol"
            return Control.Alarm(
                kind: .equivocation,
                message: "\(who): \(proofs) \(proofs == 1 ? "proof" : "proofs"), see meshctl evidence")
        }
        alarms += driver.oppositions.map {
            Control.Alarm(kind: .opposedContributions, message: driver.describe($0))
        }
        if let failure = driver.health.commitFailure {
            alarms.append(
                Control.Alarm(kind: .disk, message: "nothing is signed until the journal can be written: \(failure)"))
        }
        if let failure = driver.health.writeFailure {
            alarms.append(Control.Alarm(kind: .disk, message: "\(failure)"))
        }
        if let residue = membership.keys.residue {
            alarms.append(Control.Alarm(kind: .retiredKey, message: Membership.retiredKeyAlarm(residue)))
        }
        alarms += driver.health.damages.map { Control.Alarm(kind: .corruption, message: "\($0)") }
        if let trainerTrouble {
            alarms.append(
                Control.Alarm(
                    kind: .trainer, message: "the trainer hands nothing over: \(ControlServer.words(trainerTrouble))"))
        }
        // A site that is no member is refused by all but who invited it, and that is as it should be.
        guard isMember else { return alarms }
        // What a member announces is its word: any member could otherwise raise this alarm at all others.
        let foreign = driver.transport.targets.filter {
            $0.isConfigured && $0.lastError?.contains("another genesis file") ?? false
        }
        alarms += foreign.map {
            Control.Alarm(kind: .wrongGenesis, message: "\($0.address): \($0.lastError ?? "")")
        }
        return alarms
    }

    /// From `/proc/self/statm`; 0 where that cannot be read.
    static var residentBytes: Int64 {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
            separator: " ")
        guard words.count > 1, let pages = Int64(words[1]) else { return 0 }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

    // MARK: Doctor

    /// An instant of the loop's clock as seconds since 1970, for people.
    private func seconds(of instant: Link.Instant) -> Int64 {
        Int64(clamping: time(nil)) - Int64(clamping: driver.now.since(instant) / 1000)
    }

    /// So many sources of refused connections are named per kind.
    private static let namedSources = 4

    /// One line per kind, whatever number of strangers knocks.
    private var refusedChecks: [Check] {
        driver.transport.refusedConnections.sources(now: driver.now).map { kind, sources in
            let count = sources.reduce(0) { $0 + $1.count }
            let named = sources.prefix(ControlServer.namedSources).map { source in
                source.count == 1 ? source.host : "\(source.host) (\(source.count) times)"
            }
            let rest = sources.count - named.count
            let reason = sources.first?.reason ?? ""
            return Check(
                name: "refused connections", outcome: .warning,
                message: "\(kind.words): \(named.joined(separator: ", "))"
                    + (rest > 0 ? " and \(rest) more sources" : "") + "; the last one: \(reason)",
                count: Int64(count), lastAt: sources.first.map { seconds(of: $0.last) })
        }
    }

    var checks: [Check] {
        var checks: [Check] = []
        let use =
            diskUse.map { use in
                let megabytes = [use.ledgerBytes, use.payloadBytes, use.parameterBytes].map { ($0 + 524_288) >> 20 }
                return ": ledger \(megabytes[0]) MiB, payloads \(megabytes[1]) MiB, \(use.bases) versions' parameters "
                    + "\(megabytes[2]) MiB"
            } ?? ""
        let report = driver.node.report(now: driver.now)
        let me = driver.node.identity.member
        checks.append(
            Check(
                name: "keys", outcome: chain.members[me] == nil ? .warning : .pass,
                message: chain.members[me] == nil
                    ? "this site is no member of the set of version \(chain.nextHeight): it watches and signs nothing"
                    : "node key and link key belong to \(site.name)"))
        let listening = driver.transport.listenAddresses.map(\.description)
        let announced = driver.node.identity.addresses
        checks.append(
            Check(
                name: "addresses", outcome: listening.isEmpty || announced.isEmpty ? .warning : .pass,
                message: listening.isEmpty
                    ? "does not listen: other sites cannot connect; set [mesh] listen"
                    : "listens on \(listening.joined(separator: " ")), announces "
                        + (announced.isEmpty ? "nothing: set [mesh] announce" : announced.joined(separator: " "))))
        for member in others.sorted(by: { $0.name < $1.name }) {
            let view = driver.transport.view(of: member.id)
            checks.append(
                Check(
                    name: "peer \(member.name)", outcome: view.isLinked ? .pass : .warning,
                    message: view.isLinked ? "linked" : view.error ?? "no address is known yet",
                    lastAt: view.errorAt.map { seconds(of: $0) }))
        }
        for target in driver.transport.targets where target.isConfigured {
            guard let error = target.lastError else { continue }
            checks.append(
                Check(
                    name: "address \(target.address)", outcome: .warning, message: error,
                    lastAt: target.lastErrorAt.map { seconds(of: $0) }))
        }
        checks += refusedChecks
        checks.append(
            Check(
                name: "disk", outcome: disk == .writable ? .pass : .failure,
                message: disk == .writable ? "\(site.stateDirectory) is writable\(use)" : "\(disk.rawValue)"))
        for alarm in alarms(report) {
            // What another member did is nothing that this site could repair.
            let isOfOthers = alarm.kind == .equivocation || alarm.kind == .opposedContributions
            checks.append(
                Check(
                    name: alarm.kind.rawValue, outcome: isOfOthers ? .warning : .failure, message: alarm.message))
        }
        checks.append(
            Check(
                name: "trainer", outcome: trainer == nil ? .warning : .pass,
                message: trainer == nil ? "no trainer is attached" : "attached"))
        return checks
    }
}
