import ArgumentParser
import Control
import Crypto
import Ledger
import SiteFiles

struct ProposeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "propose", abstract: "Propose a change to members, rules or history.",
        discussion: """
            What could never take effect is refused before anything is signed. A proposal takes effect once more than the \
            rules' share of the operators has signed it and, where members change, a quorum of the resulting set is ready.
            """,
        subcommands: [
            ProposeAdmitCommand.self, ProposeRemoveCommand.self, ProposeRotateKeyCommand.self,
            ProposeRulesCommand.self, ProposeRevertCommand.self,
        ])
}

struct ProposeAdmitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "admit", abstract: "Admit a site by its card.",
        discussion: """
            The site's daemon must run and follow the chain before it can be admitted: invite it first. It signs with its \
            own node key that it is ready.
            """)

    @Argument(help: "The site's card.")
    var card: String

    @OptionGroup var options: ProposalOptions

    func run() throws {
        let card = try SignedCard.read(card).card
        let governance = try GovernanceClient(options.daemon.connect(), subject: .member(card.member.id))
        try options.propose(.admit(card.member), governance)
    }
}

struct ProposeRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove a member.",
        discussion: "What it contributed stays in the history. Its id never returns: who comes back makes new keys.")

    @Argument(help: "The member's name.")
    var site: String

    @OptionGroup var options: ProposalOptions

    func run() throws {
        let connection = try options.daemon.connect()
        let member = try GovernanceClient(connection).member(named: site)
        try options.propose(.remove(member.id), GovernanceClient(connection, subject: .member(member.id)))
    }
}

struct LeaveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "leave", abstract: "Propose that this site is removed.",
        discussion: """
            Leaving is a change of members like any other: more than the rules' share of the operators must sign, so that \
            the mesh never loses its quorum by surprise. Whoever does not want to wait may simply stop the daemon: the \
            others then count the site among the faulty ones until they have removed it. Keep the daemon running until \
            the removal is certified, and a little longer: others may still fetch from it.
            """)

    @OptionGroup var options: ProposalOptions

    func run() throws {
        let connection = try options.daemon.connect()
        let member = try GovernanceClient(connection).ownMember()
        try options.propose(.remove(member.id), GovernanceClient(connection, subject: .member(member.id)))
    }
}

struct ProposeRulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules", abstract: "Change rules, by their names in the ledger.",
        discussion:
            "Names and present values are shown by: meshctl rules. Example: review=veto-window review_seconds=60")

    @Argument(help: ArgumentHelp("Which rules, and what they are to be.", valueName: "name=value"))
    var changes: [String]

    @OptionGroup var options: ProposalOptions

    func run() throws {
        let governance = try GovernanceClient(options.daemon.connect(), subject: .rules)
        try options.propose(
            .rules(try ProposeRulesCommand.changed(governance.rules, changes, members: governance.members)), governance)
    }

    /// - Throws: `Failure` for a rule that does not exist, a value out of range, or rules that such a mesh may not
    ///   have.
    static func changed(_ rules: Rules, _ changes: [String], members: MemberSet) throws -> Rules {
        var fields = RuleFields(rules)
        for change in changes {
            guard let equals = change.firstIndex(of: "=") else {
                throw Failure("\"\(change)\" is no change of a rule", advice: "Write name=value.")
            }
            let text = String(change[change.index(after: equals)...])
            try fields.set(String(change[..<equals]), UInt64(text).map { .number($0) } ?? .string(text))
        }
        let changed = try fields.rules()
        guard changed != rules else { throw Failure("these rules are in force already") }
        if let fault = changed.fault(memberCount: members.count) {
            throw Failure("a mesh of \(members.count) may not have a rule that \(fault.words)")
        }
        return changed
    }
}
