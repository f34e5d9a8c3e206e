import ArgumentParser
import Control

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Where the mesh stands, what it waits for, and why.")

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let status = try daemon.connect().ask(StatusRequest())
        try output.print(status) { StatusText(status).rendered(.standard) }
    }
}

/// A status in words.
struct StatusText {
    let status: StatusResponse

    init(_ status: StatusResponse) { self.status = status }

    func rendered(_ terminal: Terminal) -> String {
        var lines: [String] = []
        for alarm in status.alarms {
            lines.append(terminal.paint("ALARM \(alarm.kind.rawValue): \(alarm.message)", .bad))
        }
        var head = Table()
        head.append("site", status.site.text)
        head.append("network", status.network.text)
        if !status.isMember {
            head.append([.init("member"), .init("no: this site follows the chain and signs nothing", .warning)])
        }
        head.append([
            .init("version"), .init("\(status.height)  \(Words.short(status.head.text))", .strong),
        ])
        head.append([
            .init("next"),
            .init("\(phase), for \(Words.duration(milliseconds: status.phaseMilliseconds))\(view)", phaseStyle),
        ])
        for (index, line) in waits.enumerated() { head.append(index == 0 ? "waits for" : "", line) }
        if status.proposals > 0 {
            head.append("proposals", "\(status.proposals) pending: see meshctl proposal list")
        }
        if status.observers > 0 {
            head.append("invited", "\(Words.count(Int(status.observers), "site", "sites")) may follow from here")
        }
        if let replay = status.replay { head.append("replay", words(replay)) }
        head.append([.init("trainer"), .init(trainer, status.trainerTrouble == nil ? nil : .bad)])
        head.append([
            .init("disk"),
            .init(status.disk.rawValue, status.disk == .writable ? nil : .bad),
        ])
        if let use = status.diskUse {
            head.append(
                "holds",
                "ledger \(Words.bytes(use.ledgerBytes)), payloads \(Words.bytes(use.payloadBytes)), "
                    + "\(Words.count(Int(use.bases), "version's", "versions'")) parameters "
                    + "\(Words.bytes(use.parameterBytes)), from version \(use.oldestBase) on")
        }
        head.append([.init("links"), .init(links, linkStyle)])
        head.append(
            "daemon",
            "\(Words.bytes(status.residentBytes)), up \(Words.duration(milliseconds: status.uptimeMilliseconds))")
        if status.droppedLogMessages > 0 {
            head.append([
                .init("log"),
                .init("\(status.droppedLogMessages) messages were dropped: standard error is not read", .warning),
            ])
        }
        lines.append(head.rendered(terminal))
        let troubled = status.peers.filter { $0.link != .up }
        if !troubled.isEmpty {
            var table = Table(["peer", "link", "why"])
            for peer in troubled {
                table.append([
                    .init(peer.site.text), .init(peer.link.rawValue, .warning), .init(peer.error ?? ""),
                ])
            }
            lines.append("")
            lines.append(table.rendered(terminal))
        }
        let unanswered = status.addresses.filter { $0.error != nil && $0.link != .up }
        if !unanswered.isEmpty {
            var table = Table(["configured address", "link", "why"])
            for address in unanswered {
                table.append([
                    .init(address.address), .init(address.link.rawValue, .warning), .init(address.error ?? ""),
                ])
            }
            lines.append("")
            lines.append(table.rendered(terminal))
        }
        return lines.joined(separator: "\n")
    }

    private var phase: String {
        switch status.phase {
        case .collecting: "contributions to version \(status.height + 1) are trained and fetched"
        case .ready: "enough contributions are there, members say what they hold"
        case .proposing: "a proposal is awaited or computed"
        case .notarizing: "members check the proposal"
        case .finalizing: "members certify the version"
        case .catchingUp: "catching up with versions that others have certified"
        case .recovering: "signs nothing where it may have signed before its journal was lost"
        case .stopped: "stopped: signs nothing until a person has acted"
        }
    }

    private var phaseStyle: Terminal.Style? {
        switch status.phase {
        case .stopped: .bad
        case .recovering, .catchingUp: .warning
        default: nil
        }
    }

    private var view: String { status.view > 1 ? " (view \(status.view): earlier leaders did not get through)" : "" }

    /// One line a reason, in the order of a round.
    private var waits: [String] {
        var lines = Waiting.Reason.allCases.compactMap { reason -> String? in
            let sites = status.waitsFor.filter { $0.reason == reason }.map(\.site.text)
            guard !sites.isEmpty else { return nil }
            return "\(Words.list(sites)): \(StatusText.words(reason, count: sites.count))"
        }
        let isLacking = status.availableContributions < status.minContributions
        if status.phase == .collecting, status.minContributions > 1, isLacking {
            lines.append(
                "\(Words.count(Int(status.minContributions), "contribution", "contributions")), as many as a version must "
                    + "list (min_contributions): \(status.availableContributions) can be listed now")
        }
        return lines
    }

    private static func words(_ reason: Waiting.Reason, count: Int) -> String {
        let isOne = count == 1
        return switch reason {
        case .contribution:
            isOne ? "its trainer has handed over nothing yet" : "their trainers have handed over nothing yet"
        case .pieces: isOne ? "its contribution is being fetched" : "their contributions are being fetched"
        case .acknowledgement: "must still acknowledge a contribution"
        case .closed: "must still close the round"
        case .ready: "must still say what \(isOne ? "it holds" : "they hold")"
        case .proposal: "must propose"
        case .notarize: "must still check the proposal"
        case .finalize: "must still certify"
        case .unreachable: "cannot be reached"
        }
    }

    private func words(_ replay: ReplayState) -> String {
        if let trouble = replay.trouble { return "waits, and is tried again: \(trouble)" }
        let reverts = Words.count(Int(clamping: replay.reverts), "revert", "reverts")
        guard let version = replay.version else { return "begins, for \(reverts)" }
        return version < replay.through
            ? "version \(version) of \(replay.through), for \(reverts)"
            : "through version \(version), for \(reverts); a quorum must come so far"
    }

    private var trainer: String {
        let state = trainerState
        guard let trouble = status.trainerTrouble else { return state }
        return "\(trouble.rawValue): \(state)"
    }

    private var trainerState: String {
        switch status.trainer {
        case .absent: "absent: start meshtrain, or a program that speaks the trainer socket"
        case .training: "training"
        case .transferring: "handing over"
        case .done: "done with this round"
        }
    }

    private var linksUp: Int { status.peers.count { $0.link == .up } }

    private var links: String {
        "\(linksUp) of \(status.peers.count) up; \(status.quorum) of \(status.members) sites must sign"
    }

    private var linkStyle: Terminal.Style? { Int64(linksUp) + 1 < status.quorum ? .bad : nil }
}
