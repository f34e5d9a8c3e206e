import Control
import Crypto
import Ledger
import Rounds

/// What the control socket tells of this site that does not change while the daemon runs.
struct SiteInformation {
    let name: SiteName
    let genesis: Genesis
    let stateDirectory: String
    /// Milliseconds of the loop's clock.
    let started: UInt64
}

/// The ledger's values in the control socket's words.
func text(_ digest: Digest) -> DigestText {
    guard let text = DigestText(digest.description) else { preconditionFailure("a digest has 64 hexadecimal digits") }
    return text
}

func text(_ identity: some DigestIdentity) -> DigestText { text(identity.digest) }

func digest(_ text: DigestText) -> Digest {
    guard let digest = Digest(hex: text.text) else { preconditionFailure("the schema lets digests through only") }
    return digest
}

extension Ledger.Contribution {
    /// The reported loss in nats per token.
    var lossNats: Double? { lossCentinats.map { Double($0) / 100 } }
}

extension TrainingReport {
    /// A loss in nats per token as contributions carry it: in steps of 0.01, from 0 to the largest that a record may have.
    static func centinats(_ loss: Double?) -> UInt64? {
        loss.map { UInt64(min(max(0, ($0 * 100).rounded()), Double(Limits.lossCentinats))) }
    }
}

/// A member's name; a former member's first digits where the set does not have it any more.
func siteName(_ id: MemberID, in members: MemberSet) -> SiteName { siteName(members[id]?.name ?? id.short) }

func siteName(_ text: String) -> SiteName {
    guard let name = SiteName(text) else { preconditionFailure("names follow the grammar in the ledger too") }
    return name
}
