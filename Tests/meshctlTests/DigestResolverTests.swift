import Control
import EventLoop
import Testing

@testable import meshctl

/// Short digests are accepted wherever they are unambiguous.
@Suite struct DigestResolverTests {
    private func digest(_ beginning: String) throws -> DigestText {
        try #require(DigestText(beginning + String(repeating: "0", count: 64 - beginning.count)))
    }

    private func candidates() throws -> [DigestResolver.Candidate] {
        [.init(try digest("0a1b"), "de"), .init(try digest("0a1c"), "es"), .init(try digest("ff"), "0a1")]
    }

    private func message(_ body: () throws -> DigestText) -> String {
        do { return "found \(try body().text)" } catch { return "\(error)" }
    }

    @Test(arguments: ["0a1b", "0A1B", "0a1b0000", "f"])
    func digits_ofOneDigest_nameIt(digits: String) throws {
        let found = try DigestResolver.resolve(digits, among: candidates(), what: "proposal", place: "here")
        #expect(found.text.hasPrefix(digits.lowercased()))
    }

    @Test func digits_ofTwoDigests_listThem() throws {
        let text = message { try DigestResolver.resolve("0a1", among: candidates(), what: "proposal", place: "here") }
        for word in try ["2 things", digest("0a1b").text + "  de", digest("0a1c").text + "  es"] {
            #expect(text.contains(word), "\(text)")
        }
        #expect(!text.contains("ff00"))
    }

    @Test(arguments: ["", "xyz", "0a 1b", "é", String(repeating: "0", count: 65)])
    func text_thatIsNoDigits_isRefused(text: String) throws {
        let message = message { try DigestResolver.resolve(text, among: candidates(), what: "proposal", place: "here") }
        #expect(message.contains("is no digest of a proposal"), "\(message)")
    }

    @Test func digits_ofNoDigest_nameTheVerbThatLists() throws {
        let text = message { try DigestResolver.resolve("bb", among: candidates(), what: "proposal", place: "here") }
        #expect(text.contains("no proposal bb is known") && text.contains("here"), "\(text)")
    }

    @Test func name_thatIsAlsoTheBeginningOfADigest_isTheName() throws {
        #expect(try DigestResolver.resolve("0a1", named: "member", among: candidates()) == digest("ff"))
        #expect(try DigestResolver.resolve("0a1b", named: "member", among: candidates()) == digest("0a1b"))
        let ambiguous = message { try DigestResolver.resolve("0a", named: "member", among: candidates()) }
        #expect(ambiguous.contains("2 things of kind member"), "\(ambiguous)")
        let none = message { try DigestResolver.resolve("it", named: "member", among: candidates()) }
        #expect(none.contains("no member is called it"), "\(none)")
    }

    @Test func dataSets_areListedWholeAndFoundByTheirFirstDigits() throws {
        let place = try Workplace()
        let sets = [
            DataSetSummary(
                dataSet: try digest("0a1b"), contributions: 3, authors: [try #require(SiteName("de"))], first: 1,
                last: 4, isExcluded: true)
        ]
        let daemon = try ScriptedDaemon(path: place.path("s")) { id, call in
            guard case .dataSets(let request) = call else { throw Failure("another question") }
            let digits = request.digits ?? ""
            return try ScriptedDaemon.response(
                id, DataSetsRequest.self, DataSets(dataSets: sets.filter { $0.dataSet.text.hasPrefix(digits) }))
        }
        let listed = try place.run(["data-sets", "--socket", "s"], answeredBy: daemon.loop)
        #expect(listed.status == 0, "\(listed.errors)")
        #expect(try listed.output.contains(digest("0a1b").text) && listed.output.contains("excluded"))
        let short = try place.run(["propose", "revert", "data-set", "0A1", "--socket", "s"], answeredBy: daemon.loop)
        #expect(short.errors.contains("give the first 4 to 64"), "\(short.errors)")
        let unknown = try place.run(
            ["propose", "revert", "data-set", "0a1c", "--socket", "s"], answeredBy: daemon.loop)
        #expect(unknown.errors.contains("no data set 0a1c is known"), "\(unknown.errors)")
    }
}
