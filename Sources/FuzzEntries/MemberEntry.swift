import Gossip
import Ledger
import Link

/// One member among four that hears whatever its three peers may say. The bytes are a script: one byte which peer and
/// what happens, then what that needs. Whatever they say, the member never signs two things that conflict, and never
/// keeps more than a bounded journal for them.
enum MemberEntry {
    /// What a script's first byte says, in its low three bits; the peer is in the bits above.
    enum Step: UInt8 {
        /// Two bytes of length, most significant first, then a control message.
        case message = 0
        /// One byte: which of the contributions that were heard of, and one: which piece.
        case piece
        /// Two bytes: so many milliseconds.
        case wait
        /// The link goes down, or comes up again.
        case link
        /// The member's own trainer hands over.
        case contribute
    }

    static func peer(_ byte: UInt8) -> Int { 1 + Int(byte >> 3) % 3 }
    static func byte(_ step: Step, peer: Int) -> UInt8 { step.rawValue | UInt8(peer - 1) << 3 }
    static func link(_ peer: Int, attempt: Int) -> LinkID { LinkID(UInt64(peer + 4 * attempt)) }

    /// - Returns: the height that the member came to.
    static func run(_ bytes: [UInt8]) -> Height {
        let shell = MemberShell(0)
        var attempts = [0, 0, 0, 0]
        for peer in 1...3 { shell.handle(.linkUp(link(peer, attempt: 0), SmallMesh.sites[peer].member.id)) }
        var script = bytes[...]
        func next() -> UInt8 { script.popFirst() ?? 0 }
        while let first = script.popFirst() {
            let peer = peer(first)
            let link = link(peer, attempt: attempts[peer])
            switch Step(rawValue: first & 7) {
            case .message:
                let count = Int(next()) << 8 | Int(next())
                let message = Array(script.prefix(count))
                script = script.dropFirst(count)
                if !shell.isCutOff.contains(link) { shell.handle(.message(link, message)) }
            case .piece:
                let candidates = shell.node.report(now: shell.now).candidates
                let (which, index) = (Int(next()), Int(next()))
                guard !candidates.isEmpty, !shell.isCutOff.contains(link) else { continue }
                let name = PieceName(contribution: candidates[which % candidates.count].digest, index: index)
                shell.pieceArrives(name, over: link)
            case .wait: shell.wait(UInt64(next()) << 8 | UInt64(next()))
            case .link:
                if !shell.isCutOff.contains(link) { shell.handle(.linkDown(link)) }
                attempts[peer] += 1
                shell.handle(.linkUp(Self.link(peer, attempt: attempts[peer]), SmallMesh.sites[peer].member.id))
            case .contribute:
                shell.handle(.contribute(SmallMesh.contribution(of: 0, on: shell.node.chain)))
            case nil: break
            }
            shell.sent = []
            shell.sentPieces = []
        }
        check(shell.journal)
        return shell.node.chain.height
    }

    /// No two own statements are evidence, and every entry of the journal can be read back.
    private static func check(_ journal: [JournalEntry]) {
        var said: [String: [UInt8]] = [:]
        var nullified: Set<String> = []
        var finalized: Set<String> = []
        for entry in journal {
            precondition(
                (try? JournalEntry(kind: entry.kind, encoded: entry.encoded)) == entry, "an entry cannot be read back")
            guard let (place, body) = statement(entry) else { continue }
            precondition(said.updateValue(body, forKey: place).map { $0 == body } ?? true, "two statements at \(place)")
            if case .vote(let vote) = entry {
                let view = "\(vote.body.height)/\(vote.body.view)"
                if vote.body.kind == .nullify { nullified.insert(view) }
                if vote.body.kind == .finalize { finalized.insert(view) }
            }
        }
        precondition(nullified.isDisjoint(with: finalized), "a view was given up and finalized")
    }

    private static func statement(_ entry: JournalEntry) -> (place: String, body: [UInt8])? {
        switch entry {
        case .vote(let vote): ("\(vote.body.kind) \(vote.body.height)/\(vote.body.view)", vote.body.encoded)
        case .closed(let closed):
            // Those of others may contradict each other.
            closed.signer == SmallMesh.sites[0].member.id
                ? ("closed \(closed.body.height)", closed.body.encoded) : nil
        case .ready(let ready): ("ready \(ready.body.height)", ready.body.encoded)
        case .proposal(let proposal): ("proposal \(proposal.body.height)/\(proposal.body.view)", proposal.body.encoded)
        case .availabilityVote(let vote): ("availability vote \(vote.body.slot)", vote.body.encoded)
        case .ownContribution(let signed): ("contribution \(signed.body.slot)", signed.body.encoded)
        default: nil
        }
    }
}
