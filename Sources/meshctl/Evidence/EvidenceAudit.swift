import Crypto
import Ledger

/// Judges a file of evidence while a ledger is walked.
struct EvidenceAudit {
    private let file: EvidenceFile
    /// Heights that some piece of evidence belongs to.
    private let heights: Set<Height>
    private var sets: [Height: MemberSet] = [:]
    private var versions: [Height: VersionDigest] = [:]

    init(_ file: EvidenceFile) {
        self.file = file
        heights = Set(file.evidence.map(\.memberHeight) + file.certificates.map(\.vote.height))
    }

    /// To be told of the chain after genesis and after every version.
    mutating func visit(_ chain: Chain) {
        if heights.contains(chain.nextHeight) { sets[chain.nextHeight] = chain.members }
        if heights.contains(chain.height) { versions[chain.height] = chain.headDigest }
    }

    func report(_ end: Chain) -> EvidenceReport {
        let verifier = Verifier()
        return EvidenceReport(
            network: file.network.description, height: end.height.value,
            proofs: file.evidence.map { judge($0, end, verifier) },
            certificates: file.certificates.map { judge($0, end, verifier) })
    }

    private func judge(_ evidence: Evidence, _ end: Chain, _ verifier: Verifier) -> EvidenceReport.Proof {
        let members = sets[evidence.memberHeight]
        let verdict: EvidenceReport.Verdict =
            members.map {
                evidence.isProof(in: $0, network: file.network, verifier: verifier) ? .proven : .provesNothing
            } ?? .beyondLedger
        let member = members?[evidence.accused]
        return EvidenceReport.Proof(
            site: member?.name, member: evidence.accused.description, kind: evidence.kind.rawValue,
            description: evidence.words, verdict: verdict,
            isKeyInUse: member.map { end.members[$0.id]?.nodeKey == $0.nodeKey })
    }

    private func judge(
        _ certificate: VoteCertificate, _ end: Chain, _ verifier: Verifier
    ) -> EvidenceReport.Conflict {
        let height = certificate.vote.height
        var verdict = EvidenceReport.Verdict.beyondLedger
        var signers: [String] = []
        if let members = sets[height], let version = versions[height] {
            let isProof =
                certificate.vote.kind == .finalize && certificate.vote.version != version
                && certificate.isValid(members: members, network: file.network, verifier: verifier)
            verdict = isProof ? .proven : .provesNothing
            if isProof { signers = certificate.signatures.signers.map { members.members[$0].name } }
        }
        return EvidenceReport.Conflict(
            height: height.value, version: certificate.vote.version.description, signers: signers, verdict: verdict)
    }
}

/// What a file of evidence shows.
struct EvidenceReport: Encodable {
    enum Verdict: String, Encodable {
        case proven
        case provesNothing = "proves-nothing"
        /// The ledger ends before the height whose member set would judge it.
        case beyondLedger = "beyond-ledger"
    }

    struct Proof: Encodable {
        /// The member's name then; absent where the ledger does not reach so far, or has no such member.
        let site: String?
        let member: String
        let kind: String
        let description: String
        let verdict: Verdict
        /// Whether the member still holds the key at the ledger's end; a retired one may have been stolen since.
        let isKeyInUse: Bool?
    }

    /// A certificate of another version than the ledger's.
    struct Conflict: Encodable {
        let height: UInt64
        let version: String
        let signers: [String]
        let verdict: Verdict
    }

    let network: String
    /// Where the ledger ends.
    let height: UInt64
    let proofs: [Proof]
    let certificates: [Conflict]

    var isProven: Bool {
        proofs.allSatisfy { $0.verdict == .proven } && certificates.allSatisfy { $0.verdict == .proven }
    }

    var text: String {
        var lines = proofs.map { proof in
            let who = proof.site ?? "member \(proof.member.prefix(12))"
            let retired = proof.isKeyInUse == false ? "; its key of then is retired" : ""
            return "\(mark(proof.verdict))  \(who): \(proof.description)\(ending(proof.verdict))\(retired)"
        }
        lines += certificates.map { conflict in
            let signers = conflict.signers.isEmpty ? "" : ", signed by \(Words.list(conflict.signers))"
            return "\(mark(conflict.verdict))  another version of height \(conflict.height) is certified: "
                + "\(conflict.version.prefix(12))\(signers)\(ending(conflict.verdict))"
        }
        if lines.isEmpty { lines = ["The file holds no evidence."] }
        let names = Set(proofs.filter { $0.verdict == .proven }.map { $0.site ?? String($0.member.prefix(12)) })
        lines += ["", "Ledger  version \(height)", "Proven  against \(Words.list(names.sorted()))"]
        return lines.joined(separator: "\n")
    }

    private func mark(_ verdict: Verdict) -> String {
        switch verdict {
        case .proven: Terminal.standard.paint("ok", .good)
        case .provesNothing: Terminal.standard.paint("no", .bad)
        case .beyondLedger: Terminal.standard.paint("??", .warning)
        }
    }

    private func ending(_ verdict: Verdict) -> String {
        switch verdict {
        case .proven: ""
        case .provesNothing: ": proves nothing"
        case .beyondLedger: ": the ledger ends before"
        }
    }
}
