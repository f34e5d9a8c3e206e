import Crypto
import Gossip
import Ledger

/// What operators propose: changes of members, keys, rules and history, some of which get enough signatures in time.
extension Cluster {
    /// One of them thinks of a change; the others sign it at their own sites, each in its own time, or do not.
    func randomProposal() {
        let roster = checkers.newestRoster
        let height = UInt64(checkers.versions.count)
        operators.open.removeAll { action in
            action.last.value <= height
                || roster.sequences[action.change.subject].map { action.sequence <= $0 } ?? false
        }
        guard let (change, newKey) = drawnChange(roster) else { return }
        let first = height + 1 + operators.random.draw(0...1)
        let action = GovernanceAction(
            change: change, sequence: drawnSequence(of: change.subject, roster), first: Height(first),
            last: Height(first + operators.random.skewed(1...20)))
        let share: UInt64 = operators.random.chance(75) ? 100 : 60
        let signers = (0..<options.nodes).filter {
            operators.random.chance(checkers.isHonest[$0] ? share : 50)
        }
        submit(action, by: signers, newKey: newKey)
        if operators.random.chance(20) { randomVerdicts(on: action) }
    }

    /// These operators sign, each in its own time.
    ///
    /// - Parameter newKey: of the member that the action admits or rotates.
    func submit(_ action: GovernanceAction, by signers: [Int], newKey: SigningKey? = nil) {
        operators.open.append(action)
        counts.add(.proposals)
        trace.say(now, "proposed: \(action.change.name), number \(action.sequence), \(action.first) to \(action.last)")
        let possession = newKey.map { action.signature(by: $0, network: genesis.network) }
        for member in signers {
            queue.push(
                .propose(member: member, action, possession: possession),
                at: now + 1_000 * operators.random.draw(0...400))
        }
    }

    /// Some operators think better of an open action: of those that signed some take it back, others reject it.
    func randomVerdicts(on action: GovernanceAction) {
        let verdicts = operators.random.permutation(of: options.nodes)
            .prefix(1 + operators.random.draw(below: max(1, options.nodes / 2)))
        for member in verdicts {
            let verdict: ProposalVerdict = operators.random.chance(50) ? .withdraw : .reject
            queue.push(
                .judge(member: member, action, verdict), at: now + 1_000 * operators.random.draw(0...800))
        }
    }

    /// The operator signs the verdict with the key that its own node's chain knows; while the node is down it cannot.
    func judge(_ action: GovernanceAction, _ verdict: ProposalVerdict, by member: Int) {
        let site = sites[bodies[member][0]]
        guard let process = site.process, let (key, epoch) = operators.key(of: member, in: process.node.chain.members)
        else { return }
        counts.add(.verdicts)
        let statement = ProposalVerdictStatement(verdict: verdict, action: action.digest)
        let signature = OperatorSignature(
            signer: site.identity.member, keyEpoch: epoch,
            signature: statement.signature(by: key, network: genesis.network))
        turn(
            site,
            .judge(
                JudgedProposal(
                    action: action, verdict: SignedProposalVerdict(statement: statement, signature: signature))))
    }

    /// Mostly above every number that was used or proposed; at times one that competes with an open proposal.
    private func drawnSequence(of subject: GovernanceSubject, _ roster: Roster) -> UInt64 {
        let used = roster.sequences[subject] ?? 0
        let proposed = operators.open.filter { $0.change.subject == subject }.map(\.sequence).max() ?? 0
        return max(used, operators.random.chance(20) ? 0 : proposed) + 1
    }

    /// The operator signs with the key that its own node's chain knows; while the node is down it cannot.
    func propose(_ action: GovernanceAction, by member: Int, _ possession: Signature?) {
        let site = sites[bodies[member][0]]
        guard let process = site.process, let (key, epoch) = operators.key(of: member, in: process.node.chain.members)
        else { return }
        let signature = OperatorSignature(
            signer: site.identity.member, keyEpoch: epoch,
            signature: action.signature(by: key, network: genesis.network))
        turn(
            site, .govern(SignedGovernanceAction(action: action, operators: [signature], possession: possession)))
    }

    /// - Returns: the change, and the node key whose owner must show that it has it.
    private func drawnChange(_ roster: Roster) -> (change: Change, newKey: SigningKey?)? {
        switch operators.random.draw(below: 6) {
        case 0: return admission(roster)
        case 1: return removal(roster)
        case 2: return rotation(roster)
        case 3, 4: return drawnRules(roster).map { (.rules($0), nil) }
        default: return revert()
        }
    }

    // MARK: - Members

    private func admission(_ roster: Roster) -> (Change, SigningKey?)? {
        let candidates = faults.newcomers.indices.filter { person in
            let id = checkers.people[person]
            return faults.newcomers[person] && !roster.contains(id)
                && !roster.memberSet.tombstones.contains { $0.id == id }
        }
        guard !candidates.isEmpty else { return nil }
        let person = operators.random.pick(candidates)
        let change = Change.admit(operators.people[person])
        return isTolerable(change, roster) ? (change, sites[bodies[person][0]].identity.nodeKey) : nil
    }

    private func removal(_ roster: Roster) -> (Change, SigningKey?)? {
        let change = Change.remove(operators.random.pick(roster.members).id)
        return isTolerable(change, roster) ? (change, nil) : nil
    }

    private func rotation(_ roster: Roster) -> (Change, SigningKey?)? {
        let candidates = roster.members.filter { member in
            checkers.isHonest(member.id) && checkers.index(member.id).map { !operators.rotated.contains($0) } ?? false
        }
        guard !candidates.isEmpty else { return nil }
        let member = operators.random.pick(candidates)
        return checkers.index(member.id).map { rotation(of: member, person: $0) }
    }

    /// An honest member gets a new node key, and perhaps a new operator key. Its node holds both from now on.
    func rotation(of member: Member, person: Int) -> (Change, SigningKey?) {
        operators.rotated.insert(person)
        let nodeKey = SigningKey(seed: operators.random.secret(count: 32))
        var operatorKey = member.operatorKey
        if operators.random.chance(50) {
            let key = SigningKey(seed: operators.random.secret(count: 32))
            operators.keys[person].append(key)
            operatorKey = key.verifyingKey
        }
        let site = sites[bodies[person][0]]
        let old = site.identity
        site.identity = NodeIdentity(
            member: old.member, nodeKey: old.nodeKey, nextNodeKey: nodeKey, addresses: old.addresses)
        turn(site, .keys(nodeKey: old.nodeKey, next: nodeKey))
        let rotated = Member(
            id: member.id, name: member.name, operatorKey: operatorKey, nodeKey: nodeKey.verifyingKey,
            linkKey: member.linkKey, keyEpoch: member.keyEpoch + 1)
        return (.rotate(rotated), nodeKey)
    }

    /// Whether every set that this and the open proposals may give, in whatever order, tolerates those in it who fail,
    /// is no smaller than three, and keeps as many honest members that train and live as the rules may ask for.
    private func isTolerable(_ change: Change, _ roster: Roster) -> Bool {
        var people = Set(roster.members.compactMap { checkers.index($0.id) })
        var left: Set<Int> = []
        for change in operators.open.map(\.change) + [change] {
            switch change {
            case .admit(let member): if let person = checkers.index(member.id) { people.insert(person) }
            case .remove(let id): if let person = checkers.index(id) { left.insert(person) }
            default: continue
            }
        }
        // At worst the honest ones leave and the others stay.
        let fewest = roster.count - left.count { !faults.isFaulty($0) }
        let asked = operators.open.map(\.change) + [change]
        let least = asked.reduce(roster.rules.minContributions) { least, change in
            if case .rules(let rules) = change { max(least, rules.minContributions) } else { least }
        }
        let trains = faults.trainers(roster.members.compactMap { checkers.index($0.id) }).subtracting(left)
        return trains.count >= least && roster.count - left.count >= 3
            && people.count(where: faults.isFaulty) <= (fewest - 1) / 3
    }

    /// Nobody needs a member that left. Some machines are switched off at once.
    func leave(_ site: Site) {
        guard !site.hasLeft else { return }
        site.hasLeft = true
        guard operators.random.chance(50) else { return }
        site.isDead = true
        crash(site)
    }

    // MARK: - Rules and history

    /// The rules of now with one of them changed: few enough ways that what was in force once comes back.
    ///
    /// - Returns: nil for what would leave the mesh without enough who contribute.
    private func drawnRules(_ roster: Roster) -> Rules? {
        var rules = roster.rules
        switch operators.random.draw(below: 5) {
        case 0: rules.maxStaleness = UInt32(operators.random.draw(0...2))
        case 1: rules.stalenessDiscountQ30 = UInt32(operators.random.draw(1...4)) << 28
        case 2: rules.minContributions = UInt32(operators.random.draw(1...UInt64(roster.count)))
        case 3: rules.innerSteps = UInt32(operators.random.draw(10...11))
        default:
            rules.review = operators.random.chance(50) ? .open : .vetoWindow
            rules.reviewSeconds = UInt32(operators.random.draw(0...1))
        }
        return isTolerable(.rules(rules), roster) ? rules : nil
    }

    /// Something that a version lists is taken out, from that version on or, at times, from a later one.
    private func revert() -> (Change, SigningKey?)? {
        let versions = checkers.versions.values.filter { !$0.manifest.isEmpty }.sorted { $0.height < $1.height }
        guard !versions.isEmpty, checkers.reverts.count < 3 else { return nil }
        let version = operators.random.pick(versions)
        let entry = operators.random.pick(version.manifest)
        return (.revert(.contribution(entry.contribution), from: version.height), nil)
    }

    /// Counts what an honest member adopted first.
    func countGovernance(of certified: CertifiedVersion) {
        guard let action = certified.embedded.action?.action else {
            if certified.version.action != nil { counts.add(.switches) }
            return
        }
        switch action.change {
        case .admit: counts.add(.admissions)
        case .remove: counts.add(.removals)
        case .rotate: counts.add(.rotations)
        case .rules: counts.add(.rulesChanged)
        case .revert: counts.add(.reverts)
        case .switchToReplay: break
        }
    }
}
