import Crypto
import Foundation
import Ledger
import Rounds
import Tensor
import TestKit
import Testing

/// A mesh whose members share one optimizer: its state is certified, replayed and refused like the parameters.
@Suite struct SharedOptimizerTests {
    /// - Parameter rows: from 525 on, parameters and state take two blocks each.
    private func mesh(rows: Int = 20) throws -> SmallMesh {
        try SmallMesh(encoding: .topK(kept: 128, bits: 2), rows: rows) {
            $0.innerOptimizer = .sharedAdamW
            $0.innerSteps = 3
            $0.innerLearningRateNano = 6_000_000
            $0.warmupSteps = 4
            $0.scheduleSteps = 60
        }
    }

    /// The state of a file: its parameters, and the optimizer's values.
    private func state(_ file: ParameterFile) throws -> [Float] {
        try file.readAll() + (try #require(file.outer).readAll())
    }

    @Test(arguments: [20, 600])
    func aReplayReachesTheCertifiedStateWithAnyNumberOfWorkers(rows: Int) throws {
        let mesh = try mesh(rows: rows)
        let (versions, payloads, parameters) = try mesh.history(4)
        let folder = TemporaryFolder()
        for workers in [1, 2, 5] {
            var replay = try Replay(genesis: mesh.genesis, parameters: mesh.fileZero(folder.file("0")))
            for (index, version) in versions.enumerated() {
                try replay.apply(
                    version, payloads: payloads, outputPath: folder.file("\(workers)-\(index + 1)"), workers: workers,
                    verifier: Verifier())
                #expect(StateRoots(replay.parameters) == version.version.roots)
            }
            #expect(try replay.parameters.readAll() == parameters)
            try replay.parameters.verify()
            // Three steps a version.
            #expect(try SharedState.steps(of: #require(replay.parameters.outer)) == 12)
        }
        let roots = versions.map(\.version.roots)
        #expect(Set(roots.map(\.outer)).count == 4 && Set(roots.map(\.name)).count == 4)
    }

    @Test func aVersionWithoutContributionsLeavesTheStateAndItsStepsAsTheyAre() throws {
        let mesh = try mesh()
        let (versions, payloads, parameters) = try mesh.history(2)
        let folder = TemporaryFolder()
        var replay = try Replay(genesis: mesh.genesis, parameters: mesh.fileZero(folder.file("0")))
        for (index, version) in versions.enumerated() {
            try replay.apply(
                version, payloads: payloads, outputPath: folder.file("\(index + 1)"), workers: 1, verifier: Verifier())
        }
        let before = try state(replay.parameters)
        let empty = try mesh.certified(on: replay.chain, listing: []) { _ in versions[1].version.roots }
        try replay.apply(
            empty, payloads: payloads, outputPath: folder.file("3"), workers: 2, verifier: Verifier())
        #expect(try state(replay.parameters) == before && before.last == 6)
        #expect(Array(before.prefix(parameters.count)) == parameters)
    }

    @Test func aLieAboutTheStateIsFoundAlthoughItIsCertified() throws {
        let mesh = try mesh()
        let (versions, payloads, _) = try mesh.history(1)
        let folder = TemporaryFolder()
        var replay = try Replay(genesis: mesh.genesis, parameters: mesh.fileZero(folder.file("0")))
        let right = versions[0].version.roots
        let lie = try mesh.certified(on: replay.chain, listing: versions[0].contributions) { _ in
            StateRoots(parameters: right.parameters, outer: mesh.genesis.roots.outer)
        }
        #expect(throws: ReplayFault.self) {
            try replay.apply(
                lie, payloads: payloads, outputPath: folder.file("1"), workers: 1, verifier: Verifier())
        }
    }

    /// By the plain rule: the entries that are left, one version after the other, from version 0 on.
    @Test func aReplayWithoutAContributionHasTheStateAsIfItHadNeverBeen() throws {
        let mesh = try mesh()
        let (versions, payloads, _) = try mesh.history(3)
        let excluded = versions[1].contributions[0].body
        var (parameters, outer) = (mesh.versionZero, mesh.outerZero)
        for version in versions {
            let left = version.version.manifest.filter { $0.contribution != excluded.contributionDigest }
            let next = try ManifestAverage.average(
                left, payloads: payloads, parent: parameters, outer: outer, layout: mesh.layout,
                rules: mesh.genesis.rules, members: 4)
            (parameters, outer) = (next.parameters, next.outer)
        }
        var chain = Chain(genesis: mesh.genesis)
        for version in versions { chain = try chain.advanced(by: version.embedded) }
        let revert = GovernanceAction(
            change: .revert(.contribution(excluded.contributionDigest), from: Height(2)), sequence: 1,
            first: Height(1), last: Height(1000))
        let operators = mesh.sites[..<3].map { site in
            OperatorSignature(
                signer: site.member.id, keyEpoch: 0,
                signature: revert.signature(by: site.operatorKey, network: mesh.genesis.network))
        }
        let complete = CompleteAction(signed: SignedGovernanceAction(action: revert, operators: operators))
        let decided = try mesh.certified(on: chain, listing: [], carrying: complete) { _ in chain.head.roots }
        chain = try chain.audited(decided, verifier: Verifier())

        let folder = TemporaryFolder()
        var replay = ExclusionReplay(
            chain: chain, from: .genesis, parameters: try mesh.fileZero(folder.file("0")), layout: mesh.layout)
        for (index, version) in (versions + [decided]).enumerated() {
            try replay.apply(version, payloads: payloads, outputPath: folder.file("\(index + 1)"), workers: 2)
        }
        #expect(try state(replay.parameters) == parameters + outer)
        #expect(replay.roots != versions[2].version.roots)
    }

    @Test func theRateIsTheScheduleOfEveryTrainerWithinABillionth() throws {
        var rules = Rules()
        rules.innerLearningRateNano = 6_000_000
        rules.warmupSteps = 100
        rules.scheduleSteps = 2400
        for innerSteps in [UInt32(1), 5] {
            rules.innerSteps = innerSteps
            for before in stride(from: 0, to: 2500, by: Int(innerSteps)) {
                let step = before + Int(innerSteps) - 1
                let progress = Double(step - 100) / 2300
                let expected =
                    step < 100
                    ? 6e6 * Double(step + 1) / 100
                    : step < 2400 ? 6e6 * (0.1 + 0.45 * (1 + Foundation.cos(progress * .pi))) : 6e5
                #expect(abs(Double(SharedSchedule.rateNano(rules, stepsBefore: before)) - expected) <= 0.6)
            }
        }
        // Pinned: two nodes compare what follows from it.
        rules.innerSteps = 7
        #expect(
            [0, 50, 93, 94, 700, 1500, 2399, 1 << 24].map { SharedSchedule.rateNano(rules, stepsBefore: $0) } == [
                420_000, 3_420_000, 6_000_000, 6_000_000, 5_126_660, 2_375_006, 600_000, 600_000,
            ])
    }

    @Test func rulesThatTheOptimizerCannotHaveAreRefused() {
        var rules = Rules()
        rules.innerOptimizer = .sharedAdamW
        #expect(rules.fault(memberCount: 4) == nil)
        rules.scheduleSteps = Rules.sharedStepsMaximum + 1
        #expect(rules.fault(memberCount: 4) == .sharedScheduleTooLong(Rules.sharedStepsMaximum + 1))
        rules.scheduleSteps = 2400
        rules.encoding = .denseBFloat16
        #expect(rules.fault(memberCount: 4) == .denseSharedOptimizer)
    }

    @Test(arguments: [true, false])
    func aMeshNeverChangesToOrFromASharedOptimizer(isShared: Bool) throws {
        let mesh = try isShared ? mesh() : SmallMesh()
        let chain = Chain(genesis: mesh.genesis)
        var rules = mesh.genesis.rules
        rules.innerOptimizer = isShared ? .adamW : .sharedAdamW
        let action = GovernanceAction(change: .rules(rules), sequence: 1, first: Height(1), last: Height(10))
        #expect(
            throws: ActionFault.rules(
                .optimizerOfAnotherKind(mesh.genesis.rules.innerOptimizer, rules.innerOptimizer))
        ) { try chain.outcome(of: action) }
    }

    @Test func aGenesisBeginsWithAnEmptyStateIfItsRulesShareAnOptimizerAndWithNoneOtherwise() throws {
        let (shared, plain) = (try mesh().genesis, try SmallMesh().genesis)
        let full = try ParameterFile.tree(of: ParameterArray([Float](repeating: 1, count: 10_311))).root
        for (genesis, outers) in [(shared, [Digest.zero, full]), (plain, [shared.roots.outer])] {
            #expect(try Genesis(cbor: genesis.cbor) == genesis)
            for outer in outers {
                let other = Genesis(
                    nonce: genesis.nonce, members: genesis.members, rules: genesis.rules, tensors: genesis.tensors,
                    attachments: [], roots: StateRoots(parameters: genesis.roots.parameters, outer: outer))
                #expect(throws: RecordError.outOfRange(key: "roots")) { try Genesis(cbor: other.cbor) }
            }
        }
    }

    @Test("a fork's genesis may begin with the optimizer's state of its origin, and with no other")
    func genesis_ofAFork_continuesTheStateOfItsOriginOnly() throws {
        let (shared, plain) = (try mesh().genesis, try SmallMesh().genesis)
        let full = try ParameterFile.tree(of: ParameterArray([Float](repeating: 1, count: 10_311))).root
        let state = StateRoots(parameters: shared.roots.parameters, outer: full)
        func fork(of origin: StateRoots, from genesis: Genesis, beginning roots: StateRoots) -> Genesis {
            Genesis(
                nonce: genesis.nonce, members: genesis.members, rules: genesis.rules, tensors: genesis.tensors,
                attachments: [], roots: roots,
                origin: ForkOrigin(network: genesis.network, version: genesis.version.versionDigest, roots: origin))
        }
        let empty = shared.roots
        for genesis in [
            fork(of: state, from: shared, beginning: state), fork(of: state, from: shared, beginning: empty),
            fork(of: StateRoots(parameters: empty.parameters), from: shared, beginning: empty),
            fork(of: state, from: plain, beginning: plain.roots),
        ] {
            #expect(try Genesis(cbor: genesis.cbor) == genesis)
        }
        let otherParameters = StateRoots(parameters: full, outer: full)
        let none = StateRoots(parameters: empty.parameters)
        for genesis in [
            fork(of: empty, from: shared, beginning: state), fork(of: otherParameters, from: shared, beginning: state),
            fork(of: none, from: shared, beginning: none), fork(of: state, from: plain, beginning: state),
        ] {
            #expect(throws: RecordError.outOfRange(key: "roots")) { try Genesis(cbor: genesis.cbor) }
        }
    }

    @Test(arguments: [1, 262_143, 262_144, 262_145, 1_048_575, 1_048_576, 1_300_000])
    func theRootOfAnEmptyStateIsThatOfItsFile(parameters: Int) throws {
        let roots = StateRoots(founding: .zero, parameterCount: UInt64(parameters), .sharedAdamW)
        #expect(roots.outer == (try ParameterFile.tree(of: ZeroParameters(parameterCount: parameters + 1)).root))
    }

    /// A version without a state under a shared optimizer, and one with a state under other rules, is refused by the
    /// records alone.
    @Test(arguments: [true, false])
    func aVersionHasAStateIfAndOnlyIfItsRulesShareAnOptimizer(isShared: Bool) throws {
        let mesh = try isShared ? mesh() : SmallMesh()
        let chain = Chain(genesis: mesh.genesis)
        let (record, _) = try mesh.contribution(by: 0, on: chain.bases[0])
        let outer = isShared ? Digest.zero : try self.mesh().genesis.roots.outer
        let version = try mesh.certified(on: chain, listing: [record]) { _ in
            StateRoots(parameters: mesh.genesis.roots.parameters, outer: outer)
        }
        #expect(throws: AuditFault.self) { try chain.audited(version, verifier: Verifier()) }
        #expect(throws: PayloadFault.wrongOuterRoot) { try chain.validate(version.embedded, verifier: Verifier()) }
    }
}
