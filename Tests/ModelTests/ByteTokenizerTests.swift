import Testing

@testable import Model

@Suite struct ByteTokenizerTests {
    static let samples: [(language: String, text: String)] = [
        ("German", "Überprüft die Größe\n  jeder Datei."), ("French", "« Où est passé l’œuf ? »"),
        ("Spanish", "¿Cuántos niños?\tTres."), ("Polish", "Zażółć gęślą jaźń"),
        ("Russian", "Съешь ещё этих мягких булок"), ("Ukrainian", "Ґанок, їжак і м’яч"),
        ("Japanese", "ファイルの 一覧を表示する。\r\n"), ("Chinese", "列出目录　内容 🎉"),
    ]

    @Test(arguments: samples)
    func textComesBackUnchanged(language: String, text: String) {
        let ids = ByteTokenizer.encode(text.utf8)
        #expect(String(decoding: ByteTokenizer.decode(ids), as: UTF8.self) == text, "\(language)")
        #expect(ids.count == text.utf8.count)
        #expect(ids.allSatisfy { $0 >= 3 && $0 < ModelConfiguration.vocabularySize })
    }

    @Test func idsFollowTheVocabulary() {
        #expect(ByteTokenizer.encode("a b\n".utf8) == [100, 259, 101, 13])
        #expect(ByteTokenizer.encode("é".utf8) == [198, 172])
        #expect(ByteTokenizer.encodeDocument("".utf8) == [1])
    }

    @Test func markAndSpaceAreOneToken() {
        #expect(ByteTokenizer.encode("\u{2581}".utf8) == [259])
        #expect(ByteTokenizer.encode("a\u{2581} \u{2581}".utf8) == [100, 259, 259, 259])
        #expect(ByteTokenizer.decode([259]) == [0x20])
        // Neighbours in the code table stay bytes.
        #expect(ByteTokenizer.encode("\u{2580}".utf8) == [229, 153, 131])
    }

    @Test func noTextSpellsASpecialToken() {
        let ids = ByteTokenizer.encode("<s></s><unk><0x41>".utf8)
        #expect(ids.allSatisfy { $0 >= 3 && $0 < 259 })
        #expect(ids.count == 18)
    }

    @Test func decodingSkipsWhatIsNoByte() {
        #expect(ByteTokenizer.decode([1, 100, 0, 2, 260, 65_535, 101]) == Array("ab".utf8))
    }

    @Test func namesAreUnique() {
        let names = (0..<UInt16(260)).map(ByteTokenizer.name)
        #expect(Set(names).count == 260)
        #expect(names[3] == "<0x00>" && names[258] == "<0xFF>" && names[259] == "\u{2581}")
    }
}
