import Testing

@testable import Model

struct MatrixKernelsTests {
    @Test(arguments: [
        ("Prescott", true, true, "SkylakeX"), ("Prescott", true, false, "Haswell"),
        ("PRESCOTT", true, true, "SkylakeX"),
        ("Core2", true, false, "Haswell"), ("Zen", true, true, "SkylakeX"), ("Haswell", true, true, "SkylakeX"),
    ])
    func fallbackOnANewProcessor_isReplaced(name: String, hasAVX2: Bool, hasAVX512: Bool, core: String) {
        #expect(MatrixKernels.betterCore(than: name, hasAVX2: hasAVX2, hasAVX512: hasAVX512) == core)
    }

    @Test(arguments: [
        ("Prescott", false, false), ("Zen", true, false), ("Haswell", true, false), ("SkylakeX", true, true),
        ("NEOVERSEN1", true, true),
    ])
    func choiceThatFits_stays(name: String, hasAVX2: Bool, hasAVX512: Bool) {
        #expect(MatrixKernels.betterCore(than: name, hasAVX2: hasAVX2, hasAVX512: hasAVX512) == nil)
    }
}
