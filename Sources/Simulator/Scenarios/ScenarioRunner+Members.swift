import Crypto
import Gossip
import Ledger

/// Changes of the member set at the worst moments.
extension ScenarioRunner {
    private var limit: SimulatedTime { SimulatedTime(milliseconds: 60_000) }

    private func remove(_ member: Int, from cluster: Cluster, sequence: UInt64 = 1) {
        let others = (0..<nodes).filter { $0 != member }
        cluster.submit(action(.remove(cluster.checkers.people[member]), sequence: sequence, from: 1), by: others)
    }

    private func isMember(_ member: Int, of cluster: Cluster) -> Bool {
        cluster.checkers.newestRoster.contains(cluster.checkers.people[member])
    }

    /// Of the votes that finalize its removal a member alone hears, and then it may leave: it must not, before a quorum
    /// of the others holds the version.
    func leaverHoldsTheCertificate() -> [Scenario.Result] {
        (0..<nodes).map { leaver in
            let cluster = cluster(options(heights: 7))
            let id = cluster.checkers.people[leaver]
            var isMet = reaches(1, in: cluster)
            var height: UInt64 = 0
            cluster.filter = { _, to, bytes in
                let scan = RecordScan(bytes: bytes)
                for payload in scan.payloads
                where payload.version.members != cluster.checkers.newestRoster.memberSet.digest {
                    height = payload.version.height.value
                }
                let isDecisive = scan.certificates.contains {
                    $0.vote.kind == .finalize && $0.vote.height.value == height
                }
                return height == 0 || !isDecisive || to == leaver
            }
            remove(leaver, from: cluster)
            let site = cluster.sites[cluster.bodies[leaver][0]]
            isMet = cluster.run(until: limit) { height > 0 && site.disk.height.value >= height } && isMet
            let knewAlone = cluster.sites.filter { $0.disk.height.value >= height }.count == 1 && !site.hasLeft
            // From here on others hear it, and nobody but the leaver has what they need.
            cluster.filter = nil
            let outcome = cluster.run()
            return Scenario.Result(
                name: "member \(leaver)", outcome: outcome,
                cameAbout: isMet && knewAlone && !cluster.checkers.newestRoster.contains(id))
        }
    }

    /// Members leave one after the other until three are left, of which none may fail.
    func shrinkingToThree() -> [Scenario.Result] {
        let cluster = cluster(options(heights: 40))
        var isMet = reaches(1, in: cluster)
        for leaving in 3..<nodes {
            remove(leaving, from: cluster)
            isMet = cluster.run(until: limit) { !isMember(leaving, of: cluster) } && isMet
        }
        let height = UInt64(cluster.checkers.versions.count)
        isMet = reaches(height + 2, in: cluster) && isMet
        let outcome = cluster.run(healsAtOnce: true)
        return [
            Scenario.Result(
                name: "to three", outcome: outcome, cameAbout: isMet && cluster.checkers.newestRoster.count == 3)
        ]
    }

    /// One member alone has the certificate of a contribution, signed by a quorum of others than the author. Newcomers
    /// are admitted, and of the signers all but f leave, before anybody else learns of it: too few of them are then
    /// there, and nobody may list it, though its base is young enough.
    func holdersLeave() -> [Scenario.Result] {
        (1...UInt64(3)).map { seed in
            let holder = 1
            let leavers = Array(faultBound + 1...quorum)
            let guests = Array(nodes..<nodes + leavers.count)
            var options = options(seed: seed, heights: 60, guests: guests.count) {
                // So that the changes take no more versions than the slot has.
                $0.trainingMinimum = 400
                $0.trainingMaximum = 500
            }
            options.maxStaleness = 16
            let cluster = cluster(options)
            let author = cluster.checkers.people[0]
            let slot = Slot(author: author, base: cluster.genesis.version.versionDigest)
            let isLater = { (scan: RecordScan) in
                scan.contributions.contains { $0.body.slot.author == author && $0.body.slot != slot }
            }
            cluster.filter = { _, to, bytes in
                let scan = cluster.checkers.scans.scan(bytes)
                let votes = scan.availability.filter { $0.vote.slot == slot }
                let areOfHolders = votes.allSatisfy { $0.signatures.signers.allSatisfy((1...quorum).contains) }
                return !isLater(scan) && (votes.isEmpty || to == holder && areOfHolders)
            }
            var isMet = cluster.run(until: limit) { cluster.checkers.available[slot] != nil }
            for guest in guests {
                let key = cluster.sites[cluster.bodies[guest][0]].identity.nodeKey
                let admission = action(.admit(cluster.operators.people[guest]), sequence: 1, from: 1)
                cluster.submit(admission, by: Array(0..<nodes), newKey: key)
            }
            isMet = cluster.run(until: limit) { guests.allSatisfy { isMember($0, of: cluster) } } && isMet
            for leaver in leavers {
                let removal = action(.remove(cluster.checkers.people[leaver]), sequence: 1, from: 1)
                cluster.submit(removal, by: Array(0..<options.nodes))
                isMet = cluster.run(until: limit) { !isMember(leaver, of: cluster) } && isMet
            }
            // The holder's certificate goes around; what the author made since stays unheard, for it would take
            // precedence.
            cluster.filter = { _, _, bytes in !isLater(cluster.checkers.scans.scan(bytes)) }
            if let certificate = certificate(of: slot, at: holder, in: cluster) {
                cluster.spread(ForgedMessage.availability(certificate), from: cluster.sites[cluster.bodies[holder][0]])
            }
            isMet = cluster.run(until: limit) { isKnownAsAvailable(slot, in: cluster) } && isMet
            let height = UInt64(cluster.checkers.versions.count) + 2
            isMet = reaches(height, in: cluster) && isMet
            let isEligible = cluster.checkers.isEligible(slot, height: height)
            let outcome = cluster.run(healsAtOnce: true)
            return Scenario.Result(
                name: "seed \(seed)", outcome: outcome,
                cameAbout: isMet && isEligible && cluster.checkers.listed[slot] == nil)
        }
    }

    private func certificate(of slot: Slot, at member: Int, in cluster: Cluster) -> AvailabilityCertificate? {
        for (kind, bytes) in cluster.sites[cluster.bodies[member][0]].disk.journal {
            if case .availability(let certificate) = try? JournalEntry(kind: kind, encoded: bytes),
                certificate.vote.slot == slot
            {
                return certificate
            }
        }
        return nil
    }

    /// Whether a quorum of the members has the certificate.
    private func isKnownAsAvailable(_ slot: Slot, in cluster: Cluster) -> Bool {
        let roster = cluster.checkers.newestRoster
        let knowing = cluster.sites.count { site in
            guard roster.contains(site.identity.member), let process = site.process else { return false }
            return process.node.report(now: process.clock.reading(at: cluster.now)).candidates.contains {
                $0.contribution.slot == slot && $0.isAvailable
            }
        }
        return roster.isQuorum(knowing)
    }

    /// A member hears nothing while others' keys are rotated, so many that with a colluder's they were a quorum. The
    /// colluder stole the old ones and finalizes another version with them, where nothing is decided yet: before the
    /// lagging member knows of any rotation, and when it knows of all.
    func retiredKeyAndLaggingMember() -> [Scenario.Result] {
        (1..<nodes).map { lagging in
            let thief = lagging == 1 ? 2 : 1
            let rotated = (0..<nodes).filter { $0 != lagging && $0 != thief }.prefix(quorum - 1)
            let cluster = cluster(options(heights: 9) { $0.byzantine[thief] = [.forgesCertificates] })
            var isMet = reaches(1, in: cluster)
            cluster.filter = { from, to, _ in from != lagging && to != lagging }
            var keys: [Int: SigningKey] = [:]
            for person in rotated {
                keys[person] = cluster.sites[cluster.bodies[person][0]].identity.nodeKey
                let (change, key) = cluster.rotation(of: cluster.genesis.members.members[person], person: person)
                cluster.submit(action(change, sequence: 1, from: 1), by: Array(0..<nodes), newKey: key)
                isMet =
                    cluster.run(until: limit) { cluster.checkers.newestRoster.members[person].keyEpoch == 1 } && isMet
            }
            let height = Height(UInt64(cluster.checkers.versions.count) + 2)
            let forgery = forgery(by: keys, and: thief, at: height, in: cluster)
            cluster.filter = { from, to, bytes in
                bytes == forgery
                    || from != lagging && to != lagging
                        && !cluster.checkers.scans.scan(bytes).hasVotes(.finalize, height: height.value)
            }
            let site = cluster.sites[cluster.bodies[lagging][0]]
            isMet = show(forgery, from: thief, to: lagging, in: cluster) && site.disk.height < height && isMet
            isMet = reaches(height.value - 1, in: cluster) && isMet
            cluster.filter = { _, _, bytes in
                bytes == forgery || !cluster.checkers.scans.scan(bytes).hasVotes(.finalize, height: height.value)
            }
            isMet = cluster.run(until: limit) { site.disk.height.next == height } && isMet
            isMet = show(forgery, from: thief, to: lagging, in: cluster) && isMet
            // Until it has heard it, and more.
            let end = cluster.now + 200_000
            isMet = !cluster.run(until: end) { site.disk.height >= height } && isMet
            cluster.filter = nil
            return Scenario.Result(name: "member \(lagging)", outcome: cluster.run(), cameAbout: isMet)
        }
    }

    /// A certificate of a version that nobody made, under old keys and the thief's own.
    private func forgery(by keys: [Int: SigningKey], and thief: Int, at height: Height, in cluster: Cluster) -> [UInt8]
    {
        let forged = Vote(
            kind: .finalize, height: height, view: .first,
            version: VersionDigest(Digest(DigestDomain("mesh/sim-wrong"), Array("height \(height)".utf8))))
        var signatures = [thief: cluster.coalition.signed(forged, by: thief).signature]
        for (person, key) in keys {
            let member = cluster.genesis.members.members[person].id
            signatures[person] = Signed(forged, signer: member, key: key, network: cluster.genesis.network).signature
        }
        return ForgedMessage.votes(
            VoteCertificate(
                network: cluster.genesis.network, vote: forged,
                signatures: QuorumSignatures(signatures, memberCount: nodes)))
    }

    /// - Returns: whether there was a way for it.
    private func show(_ forgery: [UInt8], from thief: Int, to lagging: Int, in cluster: Cluster) -> Bool {
        let isLinked = cluster.hasLink(from: thief, to: lagging)
        cluster.spread(forgery, from: cluster.sites[cluster.bodies[thief][0]]) { $0 == lagging }
        return isLinked && cluster.sites[cluster.bodies[lagging][0]].process != nil
    }

    /// One member loses its journal while two others get new keys, one a version: it abstains where it must.
    func lossAcrossTwoChanges() -> [Scenario.Result] {
        (0..<nodes).map { lost in
            let cluster = cluster(options(heights: 14))
            var isMet = reaches(1, in: cluster)
            let changes = [(lost + 1) % nodes, (lost + 2) % nodes].map { person in
                let (change, key) = cluster.rotation(of: cluster.genesis.members.members[person], person: person)
                return (action: action(change, sequence: 1, from: 1), key: key)
            }
            for (action, key) in changes { cluster.submit(action, by: Array(0..<nodes), newKey: key) }
            // Lost between the two changes, or with the second one under way.
            isMet = cluster.run(until: limit) { rotations(in: cluster) == 1 } && isMet
            let site = cluster.sites[cluster.bodies[lost][0]]
            cluster.replaceDisk(of: site, by: SimulatedDisk(), isDeclared: false)
            // A signature under a retired operator key is worth nothing, and one that got lost neither: they sign
            // again.
            isMet = cluster.run(until: limit) { site.abstentions > 0 } && isMet
            for (action, key) in changes { cluster.submit(action, by: Array(0..<nodes), newKey: key) }
            let outcome = cluster.run()
            return Scenario.Result(
                name: "member \(lost)", outcome: outcome,
                cameAbout: isMet && rotations(in: cluster) == 2 && site.abstentions > 0)
        }
    }

    private func rotations(in cluster: Cluster) -> Int {
        cluster.checkers.newestRoster.members.count { $0.keyEpoch > 0 }
    }
}
