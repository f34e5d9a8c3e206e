import ArgumentParser
import Control

struct MembersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members", abstract: "The member set that signs the next version.")

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let response = try daemon.connect().ask(MembersRequest())
        try output.print(response) {
            var table = Table(["site", ">epoch", "operator key", "node key", "link key"])
            for member in response.members {
                table.append(
                    member.site.text, "\(member.keyEpoch)", Words.short(member.operatorKey.text),
                    Words.short(member.nodeKey.text), Words.short(member.linkKey.text))
            }
            return "\(Words.count(response.members.count, "member signs", "members sign")) version \(response.height), "
                + "member set \(Words.short(response.memberSet.text))\n\n" + table.rendered()
                + MembersCommand.invited(response.observers)
        }
    }
}

extension MembersCommand {
    fileprivate static func invited(_ observers: [Observer]) -> String {
        guard !observers.isEmpty else { return "" }
        var table = Table(["invited", "link", "member", "link key"])
        for observer in observers {
            table.append(
                observer.site.text, observer.isLinked ? "up" : "down", Words.short(observer.member.text),
                Words.short(observer.linkKey.text))
        }
        return "\n\n" + table.rendered()
    }
}

struct RulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules", abstract: "The rules that are in force for the next version.")

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let response = try daemon.connect().ask(RulesRequest())
        try output.print(response) {
            var table = Table(["rule", "value"])
            for rule in response.entries { table.append(rule.name, rule.value) }
            return "Rules of version \(response.height), digest \(Words.short(response.rules.text))\n\n"
                + table.rendered()
        }
    }
}
