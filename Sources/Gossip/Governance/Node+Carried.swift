import Ledger

extension Node {
    /// The action of a payload, from a peer: kept where a payload of this height names it. Its signatures are judged
    /// with that payload.
    func received(carried action: CompleteAction) {
        let digest = action.objectDigest
        guard height.actions[digest] == nil, height.payloads.values.contains(where: { $0.support.action == digest })
        else { return }
        height.actions[digest] = action
        pacing.progressed = true
    }
}
