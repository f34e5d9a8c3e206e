import Crypto
import Ledger
import Rounds
import Tensor
import TestKit
import Testing

/// A revert changes the parameters to exactly what the history gives without what is excluded.
@Suite struct RevertReplayTests {
    private let folder: TemporaryFolder

    init() throws { folder = TemporaryFolder() }

    private func start(_ mesh: SmallMesh, _ values: [Float]? = nil, name: String = "0") throws -> ParameterFile {
        let tree = try ParameterFile.write(ParameterArray(values ?? mesh.versionZero), to: folder.file(name))
        return try ParameterFile(
            path: folder.file(name), parameterCount: mesh.layout.parameterCount, expectedRoot: tree.name)
    }

    /// Audits the whole chain with recomputation, keeping no more than it needs to.
    private func audit(_ reverts: RevertMesh, workers: Int = 2, history: KeptHistory? = nil) throws -> Replay {
        let history = try history ?? KeptHistory(reverts)
        var replay = try Replay(genesis: reverts.mesh.genesis, parameters: start(reverts.mesh))
        history.keep(replay.parameters, nil, at: .genesis)
        let verifier = Verifier()
        for certified in reverts.versions {
            try replay.apply(
                certified, payloads: history.payloads, history: history,
                outputPath: folder.file("\(certified.height)"), workers: workers, verifier: verifier)
            history.keep(replay.parameters, certified, at: certified.height)
        }
        return replay
    }

    /// What the background job does, from the parameters of one version on.
    private func replayed(_ reverts: RevertMesh, from height: Int, workers: Int = 1) throws -> [Float] {
        var replay = ExclusionReplay(
            chain: reverts.chain, from: Height(UInt64(height)),
            parameters: try start(reverts.mesh, reverts.states[height], name: "base"), layout: reverts.mesh.layout)
        while !replay.isFinished {
            let certified = reverts.versions[Int(replay.height.value)]
            try replay.apply(
                certified, payloads: reverts.payloads, outputPath: folder.file("replay-\(certified.height)"),
                workers: workers)
        }
        return try replay.parameters.readAll()
    }

    @Test(arguments: [Encoding.topK(kept: 64, bits: 2), .topK(kept: 1024, bits: 1), .denseFloat32, .denseBFloat16])
    func theStateThatTakesOverIsTheHistoryWithoutTheContribution(encoding: Encoding) throws {
        var reverts = RevertMesh(
            try SmallMesh(encoding: encoding, rows: encoding == .topK(kept: 64, bits: 2) ? 530 : 20))
        try reverts.list([0, 1, 2, 3])
        let poison = try reverts.list([0, 1, 2])[1]
        try reverts.list([1, 2, 3])
        try reverts.decide(.revert(.contribution(poison), from: Height(2)), listing: [0, 3])
        try reverts.list([0, 1])
        let expected = try reverts.without([poison], from: 2)
        #expect(expected != reverts.states[5])
        for workers in [1, 3] { #expect(try replayed(reverts, from: 1, workers: workers) == expected) }
        // From any version before the excluded one.
        #expect(try replayed(reverts, from: 0) == expected)
        try reverts.takeOver(expected)
        try reverts.list([0, 1, 2, 3])
        let replay = try audit(reverts)
        #expect(replay.chain.headDigest == reverts.chain.headDigest)
        #expect(try replay.parameters.readAll() == reverts.states[7])
    }

    @Test func aRootThatIsNotTheReplayIsRefusedAlthoughItIsCertified() throws {
        var reverts = RevertMesh(try SmallMesh())
        let poison = try reverts.list([0, 1, 2])[0]
        try reverts.decide(.revert(.contribution(poison), from: Height(1)))
        let right = try reverts.without([poison])
        // The poison stays in.
        try reverts.takeOver(right, claiming: reverts.states[2])
        let roots = try [right, reverts.states[2]].map {
            StateRoots(parameters: try ParameterFile.tree(of: ParameterArray($0)).root)
        }
        #expect(throws: ReplayFault.wrongRoot(Height(3), expected: roots[1], computed: roots[0])) {
            try audit(reverts)
        }
    }

    @Test func allThatNamesADataSetIsLeftOutAndWhatIsEmptiedChangesNothing() throws {
        let scraped = Digest(DigestDomain("test"), [7])
        var reverts = RevertMesh(try SmallMesh())
        let first = try reverts.list([0, 1, 2], dataSets: [1: [scraped]])
        let second = try reverts.list([1], dataSets: [1: [scraped]])
        let third = try reverts.list([0, 1], dataSets: [0: [scraped], 1: [scraped]])
        try reverts.decide(.revert(.dataSet(scraped, bindsFuture: false), from: Height(1)))
        let expected = try reverts.without(Set([first[1], second[0]] + third))
        #expect(try replayed(reverts, from: 0) == expected)
        try reverts.takeOver(expected)
        #expect(try audit(reverts).chain.headDigest == reverts.chain.headDigest)
    }

    @Test func aRevertBehindAnEarlierSwitchLeavesBothOut() throws {
        var reverts = RevertMesh(try SmallMesh())
        let first = try reverts.list([0, 1, 2])
        let second = try reverts.list([0, 1, 3])
        try reverts.decide(.revert(.contribution(second[0]), from: Height(2)))
        try reverts.takeOver(try reverts.without([second[0]]))
        let fifth = try reverts.list([1, 2])
        // Before the switch at 4: what that took out must stay out.
        try reverts.decide(.revert(.contribution(first[2]), from: Height(1)))
        var expected = try reverts.without([first[2], second[0]])
        #expect(try replayed(reverts, from: 0) == expected)
        try reverts.takeOver(expected)
        // After it: the replay begins at the last switch, which the plain history does not give.
        try reverts.list([0, 2])
        try reverts.decide(.revert(.contribution(fifth[1]), from: Height(5)))
        expected = try reverts.without([first[2], second[0], fifth[1]])
        #expect(reverts.chain.governance.replayFrom == Height(1))
        #expect(try replayed(reverts, from: 0) == expected)
        try reverts.takeOver(expected)
        let tenth = try reverts.list([0, 1, 2, 3])
        try reverts.list([2, 3])
        try reverts.decide(.revert(.contribution(tenth[3]), from: Height(11)))
        #expect(reverts.chain.governance.replayFrom == Height(11))
        #expect(reverts.chain.governance.replayFloor == Height(10))
        expected = try reverts.without([tenth[3]], from: 11)
        #expect(try replayed(reverts, from: 10) == expected)
        try reverts.takeOver(expected)
        #expect(try audit(reverts).chain.headDigest == reverts.chain.headDigest)
    }

    @Test func twoRevertsThatArePendingTakeOverAsOne() throws {
        var reverts = RevertMesh(try SmallMesh())
        let first = try reverts.list([0, 1, 2])
        let second = try reverts.list([0, 1, 3])
        try reverts.decide(.revert(.contribution(second[0]), from: Height(2)), listing: [1, 2])
        try reverts.decide(.revert(.contribution(first[1]), from: Height(1)))
        let expected = try reverts.without([first[1], second[0]])
        #expect(try replayed(reverts, from: 0) == expected)
        try reverts.takeOver(expected)
        #expect(reverts.chain.governance.pendingReverts.isEmpty)
        #expect(try audit(reverts).chain.headDigest == reverts.chain.headDigest)
    }

    @Test func everyVersionIsMadeAnewByTheRulesOfItsHeight() throws {
        var reverts = RevertMesh(try SmallMesh())
        let poison = try reverts.list([0, 1, 2])[0]
        var rules = reverts.chain.rules
        rules.outerLearningRateQ16 = 2 << 16
        try reverts.decide(.rules(rules), listing: [1, 2])
        try reverts.list([0, 3])
        try reverts.decide(.revert(.contribution(poison), from: Height(1)))
        let expected = try reverts.without([poison])
        #expect(try replayed(reverts, from: 0) == expected)
        try reverts.takeOver(expected)
        #expect(try audit(reverts).chain.headDigest == reverts.chain.headDigest)
    }

    /// What was made before a change of the rules, and is listed after it, keeps to the rules of its own base.
    @Test func aContributionIsJudgedByTheRulesOfItsBase() throws {
        var reverts = RevertMesh(try SmallMesh())
        try reverts.list([0, 1])
        let base = reverts.base
        var rules = reverts.chain.rules
        rules.pieceBytes = 1 << 12
        rules.contributionBytesMaximum = 1
        try reverts.decide(.rules(rules))
        try reverts.list([2, 3], on: base)
        #expect(try audit(reverts).chain.headDigest == reverts.chain.headDigest)
    }

    @Test func sharesOfTokensAreSharesOfWhatIsLeft() throws {
        var reverts = RevertMesh(try SmallMesh { $0.weights = .tokens })
        let listed = try reverts.list([0, 1, 2, 3], tokens: [9000, 500, 300, 200])
        try reverts.decide(.revert(.dataSet(.zero, bindsFuture: true), from: Height(1)))
        try reverts.decide(.revert(.contribution(listed[1]), from: Height(1)))
        try reverts.decide(.revert(.contribution(listed[2]), from: Height(1)))
        try reverts.decide(.revert(.contribution(listed[3]), from: Height(1)))
        // One is left of four; its listed weight was 3.6 times an equal share.
        let expected = try reverts.without(Set(listed[1...]))
        #expect(try replayed(reverts, from: 0) == expected)
        try reverts.takeOver(expected)
        #expect(try audit(reverts).chain.headDigest == reverts.chain.headDigest)
    }

    @Test func whatLacksIsNamedByItsHeight() throws {
        var reverts = RevertMesh(try SmallMesh())
        let poison = try reverts.list([0, 1, 2])[0]
        let second = try reverts.list([1, 2])
        try reverts.decide(.revert(.contribution(poison), from: Height(1)))
        try reverts.takeOver(try reverts.without([poison]))
        var replay = try Replay(genesis: reverts.mesh.genesis, parameters: start(reverts.mesh))
        let kept = try KeptHistory(reverts)
        kept.keep(replay.parameters, nil, at: .genesis)
        let verifier = Verifier()
        for certified in reverts.versions.dropLast() {
            try replay.apply(
                certified, payloads: reverts.payloads, outputPath: folder.file("\(certified.height)"), workers: 1,
                verifier: verifier)
        }
        func fault(_ history: some ReplayHistory) -> ReplayFault? {
            do throws(ReplayFault) {
                try replay.apply(
                    reverts.versions[3], payloads: reverts.payloads, history: history, outputPath: folder.file("4"),
                    workers: 1, verifier: verifier)
                return nil
            } catch { return error }
        }
        #expect(fault(NoHistory()) == .missingParameters(.genesis))
        #expect(fault(kept) == .missingVersion(Height(1)))
        kept.keep(replay.parameters, reverts.versions[0], at: Height(1))
        kept.keep(replay.parameters, reverts.versions[1], at: Height(2))
        kept.payloads = MemoryPayloads()
        for entry in reverts.versions[0].version.manifest {
            guard let payload = reverts.payloads.payload(of: entry.contribution) as? MemoryPayload else { continue }
            kept.payloads.insert(payload.bytes, for: entry.contribution)
        }
        let slot = reverts.versions[1].version.manifest.first { $0.contribution == second[0] }!.slot
        #expect(fault(kept) == .missingPayload(Height(2), slot))
        #expect(replay.chain.height == Height(3))
    }

    @Test func anAuditorKeepsNoMoreThanAReplayReachesBackTo() throws {
        var reverts = RevertMesh(try SmallMesh())
        for _ in 0..<3 { try reverts.list([0, 1]) }
        let poison = try reverts.list([0, 1, 2])[0]
        try reverts.decide(.revert(.contribution(poison), from: Height(4)))
        try reverts.takeOver(try reverts.without([poison]))
        try reverts.list([0, 1])
        let history = try KeptHistory(reverts)
        let file = try start(reverts.mesh)
        var files: [[Height]] = []
        var versions: [[Height]] = []
        for certified in [nil] + reverts.versions.map({ Optional($0) }) {
            history.keep(file, certified, at: certified?.height ?? .genesis)
            files.append(history.keptFiles)
            versions.append(history.keptVersions)
        }
        let three = [Height(3)]
        #expect(files == [[], [], [], three, three, three, [], []])
        #expect(versions == [[], [], [], [], [Height(4)], [Height(4), Height(5)], [], []])
    }
}
