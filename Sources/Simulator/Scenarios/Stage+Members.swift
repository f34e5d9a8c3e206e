import Crypto
import Gossip
import Ledger

/// Changes of the member set at the worst moments.
extension Stage {
    private var limit: SimulatedTime { SimulatedTime(milliseconds: 60_000) }

    private func remove(_ member: Int, from world: World, sequence: UInt64 = 1) {
        let others = (0..<nodes).filter { $0 != member }
        world.submit(action(.remove(world.oracles.people[member]), sequence: sequence, from: 1), by: others)
    }

    private func isMember(_ member: Int, of world: World) -> Bool {
        world.oracles.newestRoster.contains(world.oracles.people[member])
    }

    /// Of the votes that finalize its removal a member alone hears, and then it may leave: it must not, before a quorum of
    /// the others holds the version.
    func leaverHoldsTheCertificate() -> [Scenario.Result] {
        (0..<nodes).map { leaver in
            let world = world(options(heights: 7))
            let id = world.oracles.people[leaver]
            var isMet = reaches(1, in: world)
            var height: UInt64 = 0
            world.filter = { _, to, bytes in
                let scan = RecordScan(bytes: bytes)
                for payload in scan.payloads
                where payload.version.members != world.oracles.newestRoster.memberSet.digest {
                    height = payload.version.height.value
                }
                let isDecisive = scan.certificates.contains {
                    $0.vote.kind == .finalize && $0.vote.height.value == height
                }
                return height == 0 || !isDecisive || to == leaver
            }
            remove(leaver, from: world)
            let site = world.sites[world.bodies[leaver][0]]
            isMet = world.run(until: limit) { height > 0 && site.disk.height.value >= height } && isMet
            let knewAlone = world.sites.filter { $0.disk.height.value >= height }.count == 1 && !site.hasLeft
            // From here on others hear it, and nobody but the leaver has what they need.
            world.filter = nil
            let outcome = world.run()
            return Scenario.Result(
                name: "member \(leaver)", outcome: outcome,
                cameAbout: isMet && knewAlone && !world.oracles.newestRoster.contains(id))
        }
    }

    /// Members leave one after the other until three are left, of which none may fail.
    func shrinkingToThree() -> [Scenario.Result] {
        let world = world(options(heights: 40))
        var isMet = reaches(1, in: world)
        for leaving in 3..<nodes {
            remove(leaving, from: world)
            isMet = world.run(until: limit) { !isMember(leaving, of: world) } && isMet
        }
        let height = UInt64(world.oracles.versions.count)
        isMet = reaches(height + 2, in: world) && isMet
        let outcome = world.run(healsAtOnce: true)
        return [
            Scenario.Result(
                name: "to three", outcome: outcome, cameAbout: isMet && world.oracles.newestRoster.count == 3)
        ]
    }

    /// One member alone has the certificate of a contribution, and one of its holders leaves before the others learn of
    /// it: what is listed then must still have holders among those who are there.
    func holdersLeave() -> [Scenario.Result] {
        (1...UInt64(3)).map { seed in
            let world = world(options(seed: seed, heights: 12))
            let author = world.oracles.people[0]
            world.filter = { _, to, bytes in
                to == 1 || !RecordScan(bytes: bytes).availability.contains { $0.stored.slot.author == author }
            }
            let isMet = reaches(1, in: world)
            remove(nodes - 1, from: world)
            let hasLeft = world.run(until: limit) { !isMember(nodes - 1, of: world) }
            let isWaiting = world.oracles.available.keys.contains {
                $0.author == author && world.oracles.listed[$0] == nil
            }
            world.filter = nil
            return Scenario.Result(
                name: "seed \(seed)", outcome: world.run(), cameAbout: isMet && hasLeft && isWaiting)
        }
    }

    /// A member hears nothing while another's key is rotated. A colluder that stole the old key then signs another version of
    /// the height after, which the lagging member cannot yet tell from the truth.
    func retiredKeyAndLaggingMember() -> [Scenario.Result] {
        (1..<nodes).map { lagging in
            let thief = lagging == 1 ? 2 : 1
            let world = world(options(heights: 9) { $0.byzantine[thief] = [.forgesCertificates] })
            var isMet = reaches(1, in: world)
            world.filter = { from, to, _ in from != lagging && to != lagging }
            let old = world.sites[world.bodies[0][0]].identity.nodeKey
            let member = world.oracles.newestRoster.members[0]
            let (change, key) = world.rotation(of: member, person: 0)
            world.submit(action(change, sequence: 1, from: 1), by: Array(0..<nodes), newKey: key)
            isMet = world.run(until: limit) { world.oracles.newestRoster.members[0].keyEpoch == 1 } && isMet
            let height = world.oracles.history.values.first { $0.embedded.action != nil }?.height ?? Height(2)
            world.filter = nil
            let isShown = showForgery(by: old, of: member, at: height.next, from: thief, to: lagging, in: world)
            let outcome = world.run()
            return Scenario.Result(name: "member \(lagging)", outcome: outcome, cameAbout: isMet && isShown)
        }
    }

    /// Votes for something else, under the old key and the thief's own, arrive before the truth does.
    ///
    /// - Returns: whether there was a way for them.
    private func showForgery(
        by key: SigningKey, of member: Member, at height: Height, from thief: Int, to lagging: Int, in world: World
    ) -> Bool {
        let forged = Vote(
            kind: .finalize, height: height, view: .first,
            version: VersionDigest(Digest(DigestDomain("mesh/sim-wrong"), Array("height \(height)".utf8))))
        let stolen = Signed(forged, signer: member.id, key: key, network: world.genesis.network)
        let own = world.coalition.signed(forged, by: thief)
        let votes = VoteCertificate(
            network: world.genesis.network, vote: forged,
            signatures: QuorumSignatures(
                [0: stolen.signature, thief: own.signature], memberCount: world.genesis.members.count))
        let site = world.sites[world.bodies[lagging][0]]
        let isLinked = world.hasLink(from: thief, to: lagging)
        world.spread(ForgedMessage.votes(votes), from: world.sites[world.bodies[thief][0]]) { $0 == lagging }
        return isLinked && site.process != nil
    }

    /// One member loses its journal while two others get new keys, one a version: it abstains where it must.
    func lossAcrossTwoChanges() -> [Scenario.Result] {
        (0..<nodes).map { lost in
            let world = world(options(heights: 14))
            var isMet = reaches(1, in: world)
            let changes = [(lost + 1) % nodes, (lost + 2) % nodes].map { person in
                let (change, key) = world.rotation(of: world.genesis.members.members[person], person: person)
                return (action: action(change, sequence: 1, from: 1), key: key)
            }
            for (action, key) in changes { world.submit(action, by: Array(0..<nodes), newKey: key) }
            // Lost between the two changes, or with the second one under way.
            isMet = world.run(until: limit) { rotations(in: world) == 1 } && isMet
            let site = world.sites[world.bodies[lost][0]]
            world.replaceDisk(of: site, by: SimulatedDisk(), isDeclared: false)
            // A signature under a retired operator key is worth nothing, and one that got lost neither: they sign again.
            isMet = world.run(until: limit) { site.abstentions > 0 } && isMet
            for (action, key) in changes { world.submit(action, by: Array(0..<nodes), newKey: key) }
            let outcome = world.run()
            return Scenario.Result(
                name: "member \(lost)", outcome: outcome,
                cameAbout: isMet && rotations(in: world) == 2 && site.abstentions > 0)
        }
    }

    private func rotations(in world: World) -> Int { world.oracles.newestRoster.members.count { $0.keyEpoch > 0 } }
}
