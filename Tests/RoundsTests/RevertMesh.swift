import Crypto
import Ledger
import Rounds
import Tensor

/// A chain of a small mesh in which members revert and replayed states take over, with the parameters that each version
/// must have by the plain rule (`PlainAverage`): found from the list of what is excluded, and from nothing else.
struct RevertMesh {
    let mesh: SmallMesh
    private(set) var chain: Chain
    private(set) var versions: [CertifiedVersion] = []
    private(set) var payloads = MemoryPayloads()
    private var bytes: [ContributionDigest: [UInt8]] = [:]
    /// By height, as certified.
    private(set) var states: [[Float]]
    private var sequence: UInt64 = 0

    init(_ mesh: SmallMesh) {
        self.mesh = mesh
        chain = Chain(genesis: mesh.genesis)
        states = [mesh.versionZero]
    }

    var base: Chain.Base { chain.bases[chain.bases.count - 1] }

    /// A version that lists these authors' contributions.
    ///
    /// - Returns: their digests, in the order of `authors`.
    @discardableResult
    mutating func list(
        _ authors: [Int], on base: Chain.Base? = nil, tokens: [UInt64] = [], dataSets: [Int: [Digest]] = [:],
        carrying complete: CompleteAction? = nil
    ) throws -> [ContributionDigest] {
        var records: [Signed<Ledger.Contribution>] = []
        for (place, author) in authors.enumerated() {
            let (record, payload) = try mesh.contribution(
                by: author, on: base ?? self.base, tokens: place < tokens.count ? tokens[place] : 1000,
                dataSets: dataSets[author] ?? [])
            payloads.insert(payload, for: record.body.contributionDigest)
            bytes[record.body.contributionDigest] = payload
            records.append(record)
        }
        var next: [Float] = []
        let plain = PlainAverage(layout: mesh.layout, rules: chain.rules, members: chain.members.count)
        let certified = try mesh.certified(on: chain, listing: records, carrying: complete) { manifest in
            next = try plain.next(states[states.count - 1], manifest.map { (bytes[$0.contribution]!, $0.weightQ30) })
            return StateRoots(parameters: try ParameterFile.tree(of: ParameterArray(next)).root)
        }
        try append(certified, next)
        return records.map(\.body.contributionDigest)
    }

    private mutating func append(_ certified: CertifiedVersion, _ state: [Float]) throws {
        chain = try chain.audited(certified, verifier: Verifier())
        versions.append(certified)
        states.append(state)
    }

    private mutating func complete(_ change: Change) -> CompleteAction {
        sequence += 1
        let action = GovernanceAction(change: change, sequence: sequence, first: Height(1), last: Height(1000))
        let operators = mesh.sites[..<3].map { site in
            OperatorSignature(
                signer: site.member.id, keyEpoch: 0,
                signature: action.signature(by: site.operatorKey, network: mesh.genesis.network))
        }
        return CompleteAction(signed: SignedGovernanceAction(action: action, operators: operators))
    }

    /// A version that lists these authors and carries the decision.
    mutating func decide(_ change: Change, listing authors: [Int] = []) throws {
        try list(authors, carrying: complete(change))
    }

    /// The state that the history gives when nothing of `excluded` is in it, from version 0 on: plain loops, with the
    /// rules and weights of each height.
    func without(_ excluded: Set<ContributionDigest>, from first: Int = 1) throws -> [Float] {
        var state = states[first - 1]
        var chain = Chain(genesis: mesh.genesis)
        for certified in versions {
            if Int(certified.height.value) >= first {
                let left = certified.contributions.map(\.body).filter { !excluded.contains($0.contributionDigest) }
                let weights = chain.weightsQ30(of: left)
                state = try PlainAverage(layout: mesh.layout, rules: chain.rules, members: chain.members.count).next(
                    state, zip(left, weights).map { (bytes[$0.contributionDigest]!, $1) })
            }
            chain = try chain.advanced(by: certified.embedded)
        }
        return state
    }

    /// A version in which a replayed state takes over.
    ///
    /// - Parameter claimed: what is certified in place of the right state.
    mutating func takeOver(_ state: [Float], claiming claimed: [Float]? = nil) throws {
        let roots = StateRoots(parameters: try ParameterFile.tree(of: ParameterArray(claimed ?? state)).root)
        try append(try mesh.certified(on: chain, listing: [], flagging: roots) { _ in roots }, claimed ?? state)
    }
}

/// An auditor's memory, with as little in it as it may have.
final class KeptHistory: ReplayHistory {
    private let needs: ReplayNeeds
    private var files: [Height: ParameterFile] = [:]
    private var versions: [Height: CertifiedVersion] = [:]
    var payloads: MemoryPayloads

    init(_ mesh: RevertMesh) throws {
        var needs = ReplayNeeds()
        var chain = Chain(genesis: mesh.mesh.genesis)
        for certified in mesh.versions {
            needs.note(certified, after: chain)
            chain = try chain.advanced(by: certified.embedded)
        }
        self.needs = needs
        payloads = mesh.payloads
    }

    func keep(_ parameters: ParameterFile, _ certified: CertifiedVersion?, at height: Height) {
        if needs.keepsParameters(at: height, head: height) { files[height] = parameters }
        if needs.keepsVersion(at: height, head: height) { versions[height] = certified }
        files = files.filter { needs.keepsParameters(at: $0.key, head: height) }
        versions = versions.filter { needs.keepsVersion(at: $0.key, head: height) }
    }

    var keptFiles: [Height] { files.keys.sorted() }
    var keptVersions: [Height] { versions.keys.sorted() }

    func parameters(at height: Height) -> ParameterFile? { files[height] }

    func version(at height: Height) -> (certified: CertifiedVersion, payloads: any PayloadSource)? {
        versions[height].map { ($0, payloads) }
    }
}
