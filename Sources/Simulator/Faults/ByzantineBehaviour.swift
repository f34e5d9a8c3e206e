/// What a Byzantine member does. Each is a shell around an ordinary `Node`: it changes what the node's machine does for
/// it and what reaches its wires (`Cluster+Byzantine.swift`), or makes statements of its own with the member's key
/// (`Adversaries/`). A member has one or several of them; a new one is a case here and a method there.
public enum ByzantineBehaviour: String, Sendable, CaseIterable {
    // What leaves the node is held back or changed.

    /// Never says anything, but listens.
    case silent
    /// Everything that it says reaches some members only, always the same.
    case selectiveSender = "selective-sender"
    /// Its votes, alone of its messages, reach one member only.
    case selectiveVoter = "selective-voter"
    /// Leads and never proposes.
    case withholdsProposals = "withholds-proposals"
    /// Proposes, and keeps to itself what it proposed.
    case withholdsPayloads = "withholds-payloads"
    /// Passes on availability votes and availability certificates as late as the round's deadline.
    case withholdsAvailability = "withholds-availability"
    /// Hands out no piece.
    case withholdsPieces = "withholds-pieces"
    /// Hands out pieces with a byte changed.
    case corruptsPieces = "corrupts-pieces"
    /// Says that it is far ahead.
    case overclaims
    /// Changes a byte in some of its messages.
    case garbles
    /// Sends others' messages again, to anybody, at any time.
    case replays

    // The machine lies to the node.

    /// Two processes with one key and two disks, each linked to a part of the others: contributions, availability
    /// votes, ready records, proposals and votes in conflict. ("Twins: BFT systems made robust", Bano et al., OPODIS
    /// 2021)
    case twins
    /// Averages wrongly: proposes and votes for roots that nobody else computes.
    case wrongRoots = "wrong-roots"
    /// Puts another's payload under its own name.
    case copies

    // Statements that no node makes. The members that make them know each other's keys and what each has heard.

    /// Asks for the payloads of commitments before they may be shown.
    case asksEarly = "asks-early"
    /// Offers its own payload, and gives it, before the round is closed.
    case servesEarly = "serves-early"
    /// Keeps its own statements that a round is closed to itself.
    case withholdsClosed = "withholds-closed"
    /// Closes a round twice: half of the members hear of fewer commitments.
    case closesTwice = "closes-twice"
    /// Reads what another contributed, answers it with its negative or a copy in its own slot on the same base, and
    /// says that the answer was there when the round was closed.
    case namesLate = "names-late"
    /// As leader shows one half of the members one fresh payload and the other half another, both valid.
    case equivocatesProposals = "equivocates-proposals"
    /// As leader leaves out what it must list.
    case censors
    /// As leader claims that a payload of its own was notarized before, or proposes afresh over a notarization.
    case reproposesUnjustified = "reproposes-unjustified"
    /// As leader lists a contribution under an availability certificate that is none.
    case listsUnavailable = "lists-unavailable"
    /// Votes for every proposal of a view, finalizes each, and nullifies the view too.
    case equivocatesVotes = "equivocates-votes"
    /// Gives up the view and the next twenty.
    case nullifiesAll = "nullifies-all"
    /// Two ready records a height, which name slots without a certificate.
    case falseReady = "false-ready"
    /// Sends availability votes for whatever it hears of, every candidate of a slot, and holds nothing.
    case falseAvailabilityVotes = "false-availability-votes"
    /// A second contribution in its slot for half of the members.
    case equivocatesContributions = "equivocates-contributions"
    /// Contributions on bases that are too old, unknown, or at another height than they say.
    case staleContributions = "stale-contributions"
    /// Ever new contributions in its slots, and pieces of contributions that do not exist.
    case floodsContributions = "floods-contributions"
    /// Contributions that announce more bytes than the model can give, and some that announce as many as it can and
    /// whose pieces are nowhere.
    case hugePayloads = "huge-payloads"
    /// Address records of other members that nobody signed.
    case forgesAddresses = "forges-addresses"
    /// Proofs against itself, proofs that prove nothing, lists of names that stand for nothing, wishes for everything.
    case floodsEvidence = "floods-evidence"
    /// Certificates with too few, repeated, or wrong signatures, or with a bitmap of the wrong size.
    case forgesCertificates = "forges-certificates"
    /// Messages whose lengths lie.
    case malformsLengths = "malforms-lengths"
    /// What operators decided once is sent again, with all the signatures that it had.
    case replaysActions = "replays-actions"
    /// Governance actions under others' names: wrong, repeated, retired or borrowed signatures.
    case forgesActions = "forges-actions"
    /// Ever new governance actions that its own operator signed.
    case floodsActions = "floods-actions"
}
