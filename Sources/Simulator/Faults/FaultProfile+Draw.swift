import Crypto
import Ledger

extension FaultProfile {
    /// The faults of a seed. Every other seed is an attack: f colluders follow a plan, and the plans take turns, so
    /// that each is played often in a few minutes.
    static func drawn(members: Int, seed: UInt64, random: inout SeededRandom) -> FaultProfile {
        var profile = FaultProfile(members: members)
        profile.drawNetwork(&random)
        profile.drawMachines(&random)
        profile.drawTrainers(&random)
        if seed.isMultiple(of: 2) {
            // The sizes of a swarm take turns too: of the same size a plan has its turn after all others had.
            let plan = plans[Int((seed / 2 + seed / 20) % UInt64(plans.count))]
            profile.drawGovernance(percent: plan.contains(.replaysActions) ? 100 : 20, &random)
            profile.drawAttack(by: plan, &random)
        } else {
            profile.drawGovernance(percent: 50, &random)
            profile.drawMuted(percent: 15, &random)
            profile.drawMembers(&random)
            profile.drawLosses(&random)
        }
        if members > 50 { profile.limitCost(&random) }
        return profile
    }

    /// What a hundred members say grows with their square, times who contributes: a few contribute, and faults end
    /// sooner.
    private mutating func limitCost(_ random: inout SeededRandom) {
        chaosMaximum /= 8
        let trainers = Set(random.permutation(of: absentTrainers.count).prefix(16))
        for member in absentTrainers.indices where !trainers.contains(member) { absentTrainers[member] = true }
    }

    /// Half of the meshes have a rule about how many must contribute: at most as many as are sure to.
    func drawnMinContributions(_ random: inout SeededRandom) -> UInt32 {
        let trainers = trainers(founders).count
        return random.chance(50) ? UInt32(random.draw(1...UInt64(max(1, trainers)))) : Rules().minContributions
    }

    private mutating func drawNetwork(_ random: inout SeededRandom) {
        delayMinimum = random.draw(100...2_000)
        delayMaximum = delayMinimum + random.skewed(500...100_000)
        slowPairPercent = random.chance(30) ? random.draw(5...40) : 0
        isOrdered = random.chance(50)
        lossPercent = random.chance(50) ? random.skewed(1...30) : 0
        duplicationPercent = random.chance(40) ? random.skewed(1...50) : 0
        linkBreakInterval = random.chance(40) ? random.draw(200...4_000) : nil
        partitionInterval = random.chance(50) ? random.draw(500...8_000) : nil
        partitionLengthMaximum = random.skewed(200...10_000)
        clogInterval = random.chance(30) ? random.draw(200...5_000) : nil
        clogLengthMaximum = random.skewed(200...8_000)
    }

    private mutating func drawMachines(_ random: inout SeededRandom) {
        crashInterval = random.chance(60) ? random.draw(150...6_000) : nil
        downMaximum = random.skewed(50...8_000)
        massCrashPercent = random.chance(30) ? random.draw(5...50) : 0
        keptBatchesPercent = random.chance(50) ? random.draw(10...90) : 0
        syncMaximum = random.skewed(200...100_000)
        validationMaximum = random.skewed(500...200_000)
        averagingMaximum = random.skewed(1_000...2_000_000)
        jobFailurePercent = random.chance(20) ? random.draw(1...10) : 0
        timerLatenessMaximum = random.skewed(0...50_000)
        clockInterval = random.chance(30) ? random.draw(200...6_000) : nil
        clockLeapMaximum = random.skewed(10...120_000)
        pauseMaximum = random.skewed(10...6_000)
        diskFullInterval = random.chance(25) ? random.draw(500...8_000) : nil
        diskFullMaximum = random.skewed(100...8_000)
        chaosMaximum = random.draw(5_000...25_000)
    }

    private mutating func drawTrainers(_ random: inout SeededRandom) {
        trainingMinimum = random.draw(10...200)
        trainingMaximum = trainingMinimum + random.skewed(10...6_000)
        piecesMaximum = Int(random.draw(1...6))
        badPayloadPercent = random.chance(50) ? 50 : 0
    }

    private mutating func drawGovernance(percent: UInt64, _ random: inout SeededRandom) {
        let members = newcomers.count
        guard random.chance(percent) else { return }
        proposalInterval = random.skewed(100...5_000)
        if random.chance(60) { reviewInterval = random.skewed(50...3_000) }
        guard members > 4 else { return }
        for member in random.permutation(of: members).prefix(random.draw(below: min(3, members - 3))) {
            newcomers[member] = true
        }
    }

    /// Who fails, among the first members: at most f of them, and whoever is admitted later is honest, or counted then.
    private mutating func drawMembers(_ random: inout SeededRandom) {
        let faultBound = (founders.count - 1) / 3
        let faulty = random.chance(75) ? 1 + random.draw(below: faultBound) : 0
        let order = random.permutation(of: founders.count).map { founders[$0] }
        for member in order.prefix(faulty) {
            if random.chance(85) {
                byzantine[member] = FaultProfile.drawnBehaviours(&random)
            } else {
                deadAfterHealing[member] = true
            }
        }
        drawAbsent(order, &random)
        for member in newcomers.indices where newcomers[member] && random.chance(25) {
            byzantine[member] = FaultProfile.drawnBehaviours(&random)
        }
    }

    /// As many colluders as the mesh must bear, on a network that makes views fail.
    private mutating func drawAttack(by plan: [ByzantineBehaviour], _ random: inout SeededRandom) {
        let founders = founders
        let order = random.permutation(of: founders.count).map { founders[$0] }
        for member in order.prefix((founders.count - 1) / 3) { byzantine[member] = plan }
        drawAbsent(order, &random)
        drawMuted(percent: 50, &random)
    }

    /// One honest trainer that lives is always there: without any, nothing is to be certified.
    private mutating func drawAbsent(_ order: [Int], _ random: inout SeededRandom) {
        for member in order.dropLast() where random.chance(15) { absentTrainers[member] = true }
    }

    /// Attacks that need several behaviours, of all colluders alike.
    static let plans: [[ByzantineBehaviour]] = [
        [.equivocatesProposals, .equivocatesVotes, .falseAvailabilityVotes],
        [.equivocatesProposals, .equivocatesVotes, .falseReady, .falseAvailabilityVotes, .equivocatesContributions],
        [.selectiveSender, .equivocatesProposals, .equivocatesVotes],
        [.twins, .equivocatesVotes],
        [.censors, .equivocatesVotes, .falseReady],
        [.censors],
        [.reproposesUnjustified, .equivocatesVotes, .nullifiesAll],
        [.reproposesUnjustified, .equivocatesVotes, .equivocatesProposals],
        [.reproposesUnjustified],
        [.listsUnavailable, .equivocatesVotes, .falseAvailabilityVotes],
        [.listsUnavailable, .forgesCertificates],
        [.wrongRoots, .equivocatesVotes],
        [.withholdsAvailability, .withholdsPieces, .falseAvailabilityVotes],
        [.replaysActions, .forgesActions, .falseReady],
        [.withholdsClosed, .namesLate, .asksEarly, .falseAvailabilityVotes],
        [.namesLate, .closesTwice, .falseAvailabilityVotes, .falseReady],
        [.asksEarly, .servesEarly],
    ]

    /// One to four, mostly few: each alone is the clearest test of itself.
    private static func drawnBehaviours(_ random: inout SeededRandom) -> [ByzantineBehaviour] {
        let count = Int(random.skewed(1...4))
        let all = ByzantineBehaviour.allCases
        let behaviours = random.permutation(of: all.count).prefix(count).sorted().map { all[$0] }
        return behaviours.first == .silent ? [.silent] : behaviours
    }
}
