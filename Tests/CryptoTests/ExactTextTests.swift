import Crypto
import Testing

/// Canonically equivalent texts with different bytes are different texts.
struct ExactTextTests {
    private let composed = "caf\u{E9}"
    private let decomposed = "cafe\u{301}"

    @Test func canonicallyEquivalentTexts_areDifferentByBytes() {
        #expect(composed == decomposed, "as Swift compares")
        #expect(ExactText(composed) != ExactText(decomposed))
        #expect(!composed.hasSameBytes(as: decomposed))
        #expect(composed.hasSameBytes(as: "caf\u{E9}"))
        #expect(Set([ExactText(composed), ExactText(decomposed), ExactText("caf\u{E9}")]).count == 2)
        #expect("K" == "\u{212A}", "the Kelvin sign, as Swift compares")
        #expect(ExactText("K") != ExactText("\u{212A}"))
    }

    /// By bytes: the composed letter begins with C3, the decomposed one with 65.
    @Test func textsAreOrderedByBytes() {
        let texts = [composed, decomposed, "cafz", "caf", ""].map { ExactText($0) }.sorted()
        #expect(
            texts.map { Array($0.wrappedValue.utf8) }
                == ["", "caf", decomposed, "cafz", composed].map { Array($0.utf8) })
    }
}
