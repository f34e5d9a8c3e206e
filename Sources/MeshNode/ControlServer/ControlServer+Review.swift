import Control
import Crypto
import Gossip
import Ledger

/// Reviews: what people ask and hand over.
extension ControlServer {
    func answerReviewSubmit(_ id: Int64, _ parameters: ReviewSubmit, _ connection: ControlConnection) {
        func refuse(_ words: String) {
            connection.refuse(id, ControlRefusal(.invalidReview, message: "the review \(words)"))
        }
        let review: SignedReview
        do throws(RecordError) {
            review = try SignedReview(encoded: parameters.review.bytes)
        } catch {
            return refuse("is not a valid record: \(error)")
        }
        if let refusal = driver.node.refusal(of: review) { return refuse(reviewWords(refusal)) }
        driver.feed(.review(review))
        connection.answer(id, to: ReviewSubmit.self, Accepted())
    }

    private func reviewWords(_ refusal: GovernanceRefusal) -> String {
        switch refusal {
        case .fault(let fault): fault.words(chain.members)
        case .unsigned: "is signed by nobody"
        case .tooManyPending(let id):
            "is one more than \(chain.members[id]?.name ?? id.short) may have that no version embeds yet"
        case .judged, .notSigned: "cannot be taken"
        case .slotClosed: "is of a contribution that is listed already, or never can be"
        case .alreadyReviewed: "is the second of this operator about one slot; the first counts"
        }
    }

    func answerReviews(_ id: Int64, _ parameters: ReviewsRequest, _ connection: ControlConnection) {
        let report = driver.node.report(now: driver.now)
        let open = report.candidates.filter { candidate in
            let slot = candidate.contribution.slot
            return candidate.isAvailable && chain.base(slot.base) != nil && chain.listed[slot] == nil
        }.sorted { left, right in
            left.contribution.baseHeight != right.contribution.baseHeight
                ? left.contribution.baseHeight < right.contribution.baseHeight
                : left.contribution.author < right.contribution.author
        }
        let page = open.dropFirst(Int(clamping: parameters.skip ?? 0)).prefix(Int(clamping: parameters.count))
        connection.answer(
            id, to: ReviewsRequest.self,
            ReviewsResponse(
                height: Int64(clamping: chain.nextHeight.value), mode: mode, vetoesNeeded: Int64(chain.vetoesNeeded),
                approvalsNeeded: chain.rules.review == .approve ? Int64(chain.rules.approvals) : 0,
                reviewSeconds: Int64(chain.rules.reviewSeconds),
                slots: page.map { reviewed($0, held: report.reviews) }, total: Int64(open.count)))
    }

    private var mode: ReviewsResponse.Mode {
        switch chain.rules.review {
        case .open: .open
        case .vetoWindow: .vetoWindow
        case .approve: .approve
        }
    }

    /// A word that the chain has counts before one that is on its way.
    private func reviewed(_ candidate: NodeReport.Candidate, held: [ReviewReport]) -> ReviewedSlot {
        let contribution = candidate.contribution
        let embedded = chain.reviews[contribution.slot]
        func reviewers(_ verdict: ReviewVerdict) -> Set<MemberID> {
            let onTheWay = held.filter { review in
                review.statement.slot == contribution.slot && review.statement.contribution == candidate.digest
                    && review.statement.verdict == verdict && !(embedded?.contains(review.reviewer) ?? false)
            }
            let known =
                verdict == .veto
                ? embedded?.vetoes(of: candidate.digest) : embedded?.approvals(of: candidate.digest)
            return Set(onTheWay.map(\.reviewer)).union(known ?? [])
        }
        let vetoes = reviewers(.veto)
        let approvals = reviewers(.approve).subtracting([contribution.author])
        let isBlockedByReview =
            switch chain.rules.review {
            case .open: false
            case .vetoWindow: vetoes.count >= chain.vetoesNeeded
            case .approve: approvals.count < Int(chain.rules.approvals)
            }
        return ReviewedSlot(
            author: siteName(contribution.author, in: chain.members), member: text(contribution.author),
            base: text(contribution.base), baseHeight: Int64(clamping: contribution.baseHeight.value),
            contribution: text(candidate.digest), tokens: Int64(clamping: contribution.tokens),
            loss: contribution.lossNats, dataSets: contribution.dataSets.map { text($0) }, vetoes: names(vetoes),
            approvals: names(approvals),
            isBlockedByReview: isBlockedByReview)
    }
}
