import Ledger
import Link

extension Node {
    /// Enters the view after the highest that has a certificate, votes, and proposes where this node leads.
    func advanceViews() {
        guard height.decided == nil else { return }
        finalizeIfNotarized()
        enterHighestView()
        proposeIfLeading()
        notarizeIfJustified()
    }

    private func enterHighestView() {
        guard let highest = height.exited.max(), highest >= height.view else { return }
        height.entry = height.views[highest]?.exit
        height.view = highest.next
        height.enterView(at: now)
        emit(.viewEntered(height.height, height.view))
        pacing.idleTicks = 0
        pacing.progressed = true
    }

    /// T0, the timer of view 1. It follows what deciding views took.
    var firstViewMilliseconds: UInt64 {
        min(timing.viewMaximum, max(timing.viewInitial, 3 * pacing.decisionMilliseconds))
    }

    /// T(v) = T0 * 2^(v-1), capped.
    var viewMilliseconds: UInt64 {
        let doublings = min(height.view.value - 1, 16)
        return min(timing.viewMaximum, firstViewMilliseconds << UInt64(doublings))
    }

    var viewDeadline: Instant? {
        guard height.decided == nil, selfIndex != nil, maySign(at: height.height) else { return nil }
        return height.viewStarted.map { $0 + viewMilliseconds }
    }

    /// The view has taken too long: gives it up, and every earlier one that has neither certificate.
    func expireView() {
        guard let deadline = viewDeadline, deadline <= now else { return }
        height.restartViewTimer(at: now)
        for view in height.viewsWithoutExit { nullify(view) }
        nullify(height.view)
    }
}
