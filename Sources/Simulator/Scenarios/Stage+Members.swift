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

    /// One member alone has the certificate of a contribution, signed by a quorum of others than the author. Newcomers are
    /// admitted, and of the signers all but f leave, before anybody else learns of it: too few of them are then there, and
    /// nobody may list it, though its base is young enough.
    func holdersLeave() -> [Scenario.Result] {
        (1...UInt64(3)).map { seed in
            let keeper = 1
            let leavers = Array(faultBound + 1...quorum)
            let guests = Array(nodes..<nodes + leavers.count)
            var options = options(seed: seed, heights: 60, guests: guests.count) {
                // So that the changes take no more versions than the slot has.
                $0.trainingMinimum = 400
                $0.trainingMaximum = 500
            }
            options.maxStaleness = 16
            let world = world(options)
            let author = world.oracles.people[0]
            let slot = Slot(author: author, base: world.genesis.version.versionDigest)
            let isLater = { (scan: RecordScan) in
                scan.contributions.contains { $0.body.slot.author == author && $0.body.slot != slot }
            }
            world.filter = { _, to, bytes in
                let scan = world.oracles.scans.scan(bytes)
                let acks = scan.availability.filter { $0.stored.slot == slot }
                let areOfHolders = acks.allSatisfy { $0.signatures.signers.allSatisfy((1...quorum).contains) }
                return !isLater(scan) && (acks.isEmpty || to == keeper && areOfHolders)
            }
            var isMet = world.run(until: limit) { world.oracles.available[slot] != nil }
            for guest in guests {
                let key = world.sites[world.bodies[guest][0]].identity.nodeKey
                let admission = action(.admit(world.operators.people[guest]), sequence: 1, from: 1)
                world.submit(admission, by: Array(0..<nodes), newKey: key)
            }
            isMet = world.run(until: limit) { guests.allSatisfy { isMember($0, of: world) } } && isMet
            for leaver in leavers {
                let removal = action(.remove(world.oracles.people[leaver]), sequence: 1, from: 1)
                world.submit(removal, by: Array(0..<options.nodes))
                isMet = world.run(until: limit) { !isMember(leaver, of: world) } && isMet
            }
            // The keeper's certificate goes around; what the author made since stays unheard, for it would take precedence.
            world.filter = { _, _, bytes in !isLater(world.oracles.scans.scan(bytes)) }
            if let certificate = certificate(of: slot, at: keeper, in: world) {
                world.spread(ForgedMessage.acks(certificate), from: world.sites[world.bodies[keeper][0]])
            }
            isMet = world.run(until: limit) { isKnownAsAvailable(slot, in: world) } && isMet
            let height = UInt64(world.oracles.versions.count) + 2
            isMet = reaches(height, in: world) && isMet
            let isEligible = world.oracles.isEligible(slot, height: height)
            let outcome = world.run(healsAtOnce: true)
            return Scenario.Result(
                name: "seed \(seed)", outcome: outcome,
                cameAbout: isMet && isEligible && world.oracles.listed[slot] == nil)
        }
    }

    private func certificate(of slot: Slot, at member: Int, in world: World) -> AvailabilityCertificate? {
        for (kind, bytes) in world.sites[world.bodies[member][0]].disk.journal {
            if case .availability(let certificate) = try? JournalEntry(kind: kind, encoded: bytes),
                certificate.stored.slot == slot
            {
                return certificate
            }
        }
        return nil
    }

    /// Whether a quorum of the members has the certificate.
    private func isKnownAsAvailable(_ slot: Slot, in world: World) -> Bool {
        let roster = world.oracles.newestRoster
        let knowing = world.sites.count { site in
            guard roster.contains(site.identity.member), let process = site.process else { return false }
            return process.node.report(now: process.clock.reading(at: world.now)).candidates.contains {
                $0.contribution.slot == slot && $0.isAvailable
            }
        }
        return roster.isQuorum(knowing)
    }

    /// A member hears nothing while others' keys are rotated, so many that with a colluder's they were a quorum. The colluder
    /// stole the old ones and finalizes another version with them, where nothing is decided yet: before the lagging member
    /// knows of any rotation, and when it knows of all.
    func retiredKeyAndLaggingMember() -> [Scenario.Result] {
        (1..<nodes).map { lagging in
            let thief = lagging == 1 ? 2 : 1
            let rotated = (0..<nodes).filter { $0 != lagging && $0 != thief }.prefix(quorum - 1)
            let world = world(options(heights: 9) { $0.byzantine[thief] = [.forgesCertificates] })
            var isMet = reaches(1, in: world)
            world.filter = { from, to, _ in from != lagging && to != lagging }
            var keys: [Int: SigningKey] = [:]
            for person in rotated {
                keys[person] = world.sites[world.bodies[person][0]].identity.nodeKey
                let (change, key) = world.rotation(of: world.genesis.members.members[person], person: person)
                world.submit(action(change, sequence: 1, from: 1), by: Array(0..<nodes), newKey: key)
                isMet = world.run(until: limit) { world.oracles.newestRoster.members[person].keyEpoch == 1 } && isMet
            }
            let height = Height(UInt64(world.oracles.versions.count) + 2)
            let forgery = forgery(by: keys, and: thief, at: height, in: world)
            world.filter = { from, to, bytes in
                bytes == forgery
                    || from != lagging && to != lagging
                        && !world.oracles.scans.scan(bytes).hasVotes(.finalize, height: height.value)
            }
            let site = world.sites[world.bodies[lagging][0]]
            isMet = show(forgery, from: thief, to: lagging, in: world) && site.disk.height < height && isMet
            isMet = reaches(height.value - 1, in: world) && isMet
            world.filter = { _, _, bytes in
                bytes == forgery || !world.oracles.scans.scan(bytes).hasVotes(.finalize, height: height.value)
            }
            isMet = world.run(until: limit) { site.disk.height.next == height } && isMet
            isMet = show(forgery, from: thief, to: lagging, in: world) && isMet
            // Until it has heard it, and more.
            let end = world.now + 200_000
            isMet = !world.run(until: end) { site.disk.height >= height } && isMet
            world.filter = nil
            return Scenario.Result(name: "member \(lagging)", outcome: world.run(), cameAbout: isMet)
        }
    }

    /// A certificate of a version that nobody made, under old keys and the thief's own.
    private func forgery(by keys: [Int: SigningKey], and thief: Int, at height: Height, in world: World) -> [UInt8] {
        let forged = Vote(
            kind: .finalize, height: height, view: .first,
            version: VersionDigest(Digest(DigestDomain("mesh/sim-wrong"), Array("height \(height)".utf8))))
        var signatures = [thief: world.coalition.signed(forged, by: thief).signature]
        for (person, key) in keys {
            let member = world.genesis.members.members[person].id
            signatures[person] = Signed(forged, signer: member, key: key, network: world.genesis.network).signature
        }
        return ForgedMessage.votes(
            VoteCertificate(
                network: world.genesis.network, vote: forged,
                signatures: QuorumSignatures(signatures, memberCount: nodes)))
    }

    /// - Returns: whether there was a way for it.
    private func show(_ forgery: [UInt8], from thief: Int, to lagging: Int, in world: World) -> Bool {
        let isLinked = world.hasLink(from: thief, to: lagging)
        world.spread(forgery, from: world.sites[world.bodies[thief][0]]) { $0 == lagging }
        return isLinked && world.sites[world.bodies[lagging][0]].process != nil
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
