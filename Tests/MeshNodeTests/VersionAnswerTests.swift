import Gossip
import Testing

@testable import MeshNode

struct VersionAnswerTests {
    @Test func eachLinkHasFewReadsUnderWayAndTakesNoneFromOthers() {
        var answers = VersionAnswers()
        let flooder = LinkID(1)
        let granted = (0..<1000).count { _ in answers.begin(flooder) }
        #expect(granted == VersionAnswers.maximumPerLink)
        let other = answers.begin(LinkID(2))
        #expect(other)
        answers.end(flooder)
        let afterOneEnded = [answers.begin(flooder), answers.begin(flooder)]
        #expect(afterOneEnded == [true, false])
    }
}
