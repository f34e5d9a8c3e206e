import Control
import Crypto
import Ledger

/// What a verb of governance needs from the daemon: the member set, the rules, the next number.
struct GovernanceClient {
    let connection: DaemonConnection
    let network: NetworkID
    /// The daemon's own site.
    let site: MemberID
    /// The height that is being agreed on.
    let height: Height
    /// The lowest free number on the subject that was asked about.
    let sequence: UInt64
    let members: MemberSet
    let rules: Rules

    init(_ connection: DaemonConnection, subject: GovernanceSubject = .rules) throws {
        self.connection = connection
        let request: GovernanceRequest =
            switch subject {
            case .member(let id): GovernanceRequest(subject: .member, member: try GovernanceClient.text(id.digest))
            case .rules: GovernanceRequest(subject: .rules)
            case .history: GovernanceRequest(subject: .history)
            }
        let state = try connection.ask(request)
        network = NetworkID(try GovernanceClient.digest(state.network))
        site = MemberID(try GovernanceClient.digest(state.site))
        height = Height(UInt64(clamping: state.height))
        sequence = UInt64(clamping: state.sequence)
        rules = try GovernanceClient.record(Rules.self, state.rules)
        members = try connection.ask(MembersRequest()).memberSet()
    }

    /// The member of that name, or the one whose id begins with these digits.
    func member(named name: String) throws -> Ledger.Member {
        if let member = members.member(named: name) { return member }
        let candidates = try members.members.map {
            DigestResolver.Candidate(try GovernanceClient.text($0.id.digest), $0.name)
        }
        let id = try DigestResolver.resolve(name, named: "member", among: candidates)
        guard let member = members[MemberID(try GovernanceClient.digest(id))] else {
            preconditionFailure("the digest is one of theirs")
        }
        return member
    }

    /// The daemon's own site, which must be a member for what is asked.
    func ownMember() throws -> Ledger.Member {
        guard let member = members[site] else { throw Failure("this daemon's site is no member") }
        return member
    }

    func file(of signed: SignedGovernanceAction) -> ProposalFile {
        ProposalFile(network: network, height: height, members: members, rules: rules, signed: signed)
    }

    /// - Throws: `Failure` with the daemon's reason where the action could not take effect.
    func check(_ signed: SignedGovernanceAction) throws -> ProposalChecked {
        try connection.ask(ProposalSubmit(proposal: GovernanceClient.text(of: signed), isCheck: true))
    }

    @discardableResult
    func submit(_ signed: SignedGovernanceAction) throws -> ProposalChecked {
        try connection.ask(ProposalSubmit(proposal: GovernanceClient.text(of: signed), isCheck: false))
    }

    @discardableResult
    func judge(_ judged: JudgedProposal) throws -> ProposalJudged {
        try connection.ask(ProposalJudge(judged: GovernanceClient.text(of: judged)))
    }

    /// The one proposal whose digest begins with these digits.
    func proposal(_ prefix: String) throws -> ProposalResponse {
        var candidates: [DigestResolver.Candidate] = []
        try eachProposal { candidates.append(.init($0.action, $0.words)) }
        // A closed proposal is not listed any more, and can still be asked for by its whole digest, which the history
        // shows.
        if let whole = DigestText(prefix.lowercased()), !candidates.contains(where: { $0.digest == whole }) {
            return try connection.ask(ProposalRequest(action: whole))
        }
        let action = try DigestResolver.resolve(
            prefix, among: candidates, what: "proposal",
            place: "meshctl proposal list; what is closed is in meshctl proposal history")
        return try connection.ask(ProposalRequest(action: action))
    }

    /// Goes through the daemon's pages.
    func eachProposal(_ body: (ProposalSummary) throws -> Void) throws {
        var last: DigestText?
        while true {
            let page = try connection.ask(ProposalsRequest(count: 20, after: last)).proposals
            for proposal in page { try body(proposal) }
            guard let end = page.last?.action, page.count == 20, end != last else { return }
            last = end
        }
    }

    static func text(_ digest: Digest) throws -> DigestText {
        guard let text = DigestText(digest.description) else {
            preconditionFailure("a digest has 64 hexadecimal digits")
        }
        return text
    }

    static func text(of record: some Record) throws -> RecordText {
        guard let text = RecordText(bytes: record.encoded) else { throw Failure("the record is too long to hand over") }
        return text
    }

    static func digest(_ text: DigestText) throws -> Digest {
        guard let digest = Digest(hex: text.text) else { throw Failure("the daemon sent no digest") }
        return digest
    }

    static func record<Kind: Record>(_ kind: Kind.Type, _ text: RecordText) throws -> Kind {
        do throws(RecordError) { return try Kind(encoded: text.bytes) } catch {
            throw Failure("the daemon sent a damaged record: \(error)")
        }
    }
}

extension MembersResponse {
    /// As the ledger has them; tombstones are not told, so its digest is another one.
    func memberSet() throws -> MemberSet {
        let members = try members.map { member in
            guard let operatorKey = Hex.decode(member.operatorKey.text).flatMap({ VerifyingKey(bytes: $0) }),
                let nodeKey = Hex.decode(member.nodeKey.text).flatMap({ VerifyingKey(bytes: $0) }),
                let linkKey = Hex.decode(member.linkKey.text).flatMap({ LinkPublicKey(bytes: $0) })
            else { throw Failure("the daemon sent a key that is none") }
            return Ledger.Member(
                id: MemberID(try GovernanceClient.digest(member.member)), name: member.site.text,
                operatorKey: operatorKey, nodeKey: nodeKey, linkKey: linkKey,
                keyEpoch: UInt32(clamping: member.keyEpoch))
        }
        do throws(RecordError) { return try MemberSet(members: members) } catch {
            throw Failure("the daemon sent no member set: \(error)")
        }
    }
}
