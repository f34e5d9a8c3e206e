/// What a Byzantine member does. Each is a shell around an ordinary `Node`: it changes what the node's machine does for
/// it and what reaches its wires. `Site+Byzantine.swift` has what each of them means there; a new one starts here.
public enum ByzantineBehaviour: String, Sendable, CaseIterable {
    /// Never says anything, but listens.
    case silent
    /// Two processes with one key and two disks, each linked to a part of the others: contributions, acks, ready
    /// records, proposals and votes in conflict. ("Twins: BFT systems made robust", Bano et al., OPODIS 2021)
    case twins
    /// Its votes, alone of its messages, reach one member only.
    case selectiveVoter
    /// Leads and never proposes.
    case withholdsProposals
    /// Proposes, and keeps to itself what it proposed.
    case withholdsPayloads
    /// Says that it is far ahead.
    case boasts
    /// Hands out no piece.
    case withholdsPieces
    /// Hands out pieces with a byte changed.
    case corruptsPieces
    /// Averages wrongly: proposes and votes for roots that nobody else computes.
    case wrongRoots
    /// Changes a byte in some of its messages.
    case garbles
    /// Sends others' messages again, to anybody, at any time.
    case replays
    /// Puts another's payload under its own name.
    case copies
}
