import JSON
import Testing

@Suite struct JSONTests {
    private func parse(_ text: String) throws(JSONError) -> JSONValue {
        try JSONParser.parse(Array(text.utf8), limitBytes: 1 << 20)
    }

    @Test func allKindsOfValuesAreRead() throws {
        let value = try parse(" {\"a\":[1,-2,0,1.5,1e2,true,false,null,\"x\\u00e9\\ud83d\\ude00\\n\"]} ")
        #expect(
            value["a"]
                == .list([
                    .integer(1), .integer(-2), .integer(0), .number(1.5), .number(100), .boolean(true),
                    .boolean(false), .null, .string("x\u{e9}\u{1F600}\n"),
                ]))
    }

    @Test(arguments: [
        "01", "+1", "1.", ".5", "1e", "-", "0x1", "NaN", "Infinity", "tru", "nul", "'a'", "\"a", "\"\\x\"", "\"\\u12\"",
        "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\u{1}\"", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{a:1}", "{1:2}", "1 2", "[", "{", "]", "\u{FEFF}1", "// x\n1",
    ])
    func whatIsNotJSONIsRefused(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test func depthIsBounded() throws {
        let limit = JSONParser.depthLimit
        _ = try parse(String(repeating: "[", count: limit) + "1" + String(repeating: "]", count: limit))
        for bomb in ["[", "{\"a\":"] {
            #expect(throws: JSONError.tooDeep(limit: limit)) { try parse(String(repeating: bomb, count: 100_000)) }
        }
    }

    @Test func lengthAndCountAreBounded() {
        #expect(throws: JSONError.tooLong(bytes: 5, limitBytes: 4)) {
            try JSONParser.parse(Array("[1,2]".utf8), limitBytes: 4)
        }
        #expect(throws: JSONError.tooManyValues(limit: JSONParser.valueLimit)) {
            try parse("[" + String(repeating: "1,", count: JSONParser.valueLimit) + "1]")
        }
    }

    @Test func numbersThatDoNotFitAreRefused() throws {
        #expect(try parse("9223372036854775807") == .integer(.max))
        for text in ["9223372036854775808", "1e400", "-1e999", "1" + String(repeating: "0", count: 400), "1.0e9999999"]
        {
            #expect(throws: JSONError.numberOutOfRange(offset: 0)) { try parse(text) }
        }
    }

    @Test func canonicallyEquivalentNames_areTwoNames() throws {
        let value = try parse("{\"caf\u{E9}\":1,\"cafe\u{301}\":2}")
        #expect(value["caf\u{E9}"] == .integer(1))
        #expect(value["cafe\u{301}"] == .integer(2))
        #expect(try parse("{\"\u{212A}\":1}")["K"] == nil)
    }

    @Test func duplicateNamesAreRefusedHoweverTheyAreWritten() {
        #expect(throws: JSONError.duplicateName(offset: 7)) { try parse("{\"a\":1,\"a\":1}") }
        #expect(throws: JSONError.duplicateName(offset: 7)) { try parse("{\"a\":1,\"\\u0061\":1}") }
    }

    @Test(
        arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] as [[UInt8]])
    func invalidUTF8IsRefused(bytes: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        #expect(throws: JSONError.invalidUTF8) {
            try JSONParser.parse([quote] + bytes + [quote], limitBytes: 100)
        }
    }
}
