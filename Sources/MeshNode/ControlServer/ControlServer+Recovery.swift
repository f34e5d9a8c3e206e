import Control
import Gossip

extension ControlServer {
    /// Why this site signs nothing after a loss of its journal, for people; nil where it does, or only just starts.
    static func describe(_ signing: NodeReport.Signing) -> String? {
        switch signing {
        case .free, .asking: nil
        case .recovering(let answers, let needed, let isHopeless):
            "the journal was lost: signs nothing until \(needed) other sites have said how far they are, \(answers) have"
                + (isHopeless ? hopeless : "")
        case .abstaining(let until, let isHopeless):
            "abstaining until version \(until), because the journal was lost" + (isHopeless ? hopeless : "")
        }
    }

    private static let hopeless =
        "; the sites that may sign are no quorum, so the mesh cannot go on by itself: only meshctl fork helps"
}
