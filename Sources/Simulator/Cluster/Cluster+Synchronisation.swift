import Crypto
import Gossip
import Ledger

/// What a site's machine does for a node that is far behind: headers, and blocks of parameters.
extension Cluster {
    static let blockCount = 6
    static var wholeParameters: [Bool] { Array(repeating: true, count: blockCount) }
    private static let blockDomain = DigestDomain("mesh/sim-block")

    /// The block of any version's parameters. There is no tensor behind a simulated root, so the root's own digest
    /// stands in for the proof: these bytes, and no others, belong under it.
    private static func block(_ name: BlockName) -> [UInt8] {
        Digest(blockDomain, name.root.bytes + [UInt8(truncatingIfNeeded: name.index)]).bytes
    }

    func performSynchronisation(_ effect: Effect, _ site: Site, _ process: Process) {
        let life = site.life
        switch effect {
        case .sendHeaders(let link, let from): sendHeaders(site, link, from)
        case .sendBlocks(let link, let root, let blocks): sendBlocks(site, link, root, blocks)
        case .openParameters(let root):
            queue.push(
                .openParameters(site: site.index, life: life, root),
                at: now + machineRandom.draw(10...faults.syncMaximum))
        case .storeBlock(let name, let handle, let link):
            queue.push(
                .storeBlock(site: site.index, life: life, name, handle, link),
                at: now + machineRandom.draw(10...faults.syncMaximum))
        case .completeParameters(let root):
            queue.push(
                .completeParameters(site: site.index, life: life, root),
                at: now + machineRandom.draw(10...faults.syncMaximum))
        default: preconditionFailure("no effect of synchronisation")
        }
    }

    private func sendHeaders(_ site: Site, _ link: LinkID, _ from: Height) {
        let versions = site.disk.adopted.filter { $0.height >= from }.prefix(4)
        for version in versions {
            for message in Wire.headerMessages(of: version, isLast: version.height == versions.last?.height) {
                send(site, link, message)
            }
        }
    }

    private func sendBlocks(_ site: Site, _ link: LinkID, _ root: Digest, _ blocks: [Int]) {
        guard site.disk.hasParameters(root) else { return send(site, link, Wire.absentBlocks(of: root)) }
        for block in blocks where (0..<Cluster.blockCount).contains(block) {
            let name = BlockName(root: root, index: block)
            let block = ProvenPiece(bytes: Cluster.block(name), proof: [])
            send(block, name.asPiece, byteCount: block.bytes.count, from: site, over: link)
        }
    }

    func openParameters(_ site: Site, _ root: Digest) {
        let held = site.disk.parameters[root] ?? Array(repeating: false, count: Cluster.blockCount)
        site.disk.parameters[root] = held
        turn(site, .parametersOpened(root, held: held))
    }

    func storeBlock(_ site: Site, _ name: BlockName, _ handle: PieceHandle, _ link: LinkID) {
        guard let piece = site.process?.handles.removeValue(forKey: handle) else {
            return checkers.report(.wrongJob, "member \(site.member) stores a block that it does not hold")
        }
        guard (0..<Cluster.blockCount).contains(name.index), piece.bytes == Cluster.block(name) else {
            return turn(site, .blockStored(name, .mismatch, from: link))
        }
        if machineFails(site) { return turn(site, .blockStored(name, .failed, from: link)) }
        site.disk.parameters[name.root]?[name.index] = true
        turn(site, .blockStored(name, .stored, from: link))
    }

    func completeParameters(_ site: Site, _ root: Digest) {
        turn(site, .parametersCompleted(root, held: site.disk.parameters[root] ?? []))
    }
}
