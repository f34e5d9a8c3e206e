import Ledger
import Rounds
import Tensor
import Testing

@Suite struct MappingTests {
    @Test func genesisAndLayoutNameTheSameTensors() throws {
        let mesh = try SmallMesh()
        #expect(try ParameterLayout(mesh.genesis) == mesh.layout)
        #expect(TensorShape.list(of: mesh.layout) == mesh.genesis.tensors)
    }

    @Test(arguments: [
        Encoding.topK(kept: 1, bits: 1), .topK(kept: 4096, bits: 4), .topK(kept: 7, bits: 8), .denseFloat32,
        .denseBFloat16,
    ])
    func encodingsProfilesAndTextsMapBothWays(encoding: Encoding) {
        let profile = CodecProfile(encoding)
        #expect(profile.isValid)
        #expect(Encoding(profile) == encoding)
        #expect(Encoding(description: encoding.description) == encoding)
    }

    @Test(arguments: [
        "", "dense", "top-k", "top-k 64", "top-k 0 2", "top-k 4097 2", "top-k 64 3", "top-k 64 2 1", "dense-float32 2",
    ])
    func otherTextsAreNoEncoding(text: String) {
        #expect(Encoding(description: text) == nil)
    }

    @Test func bitsOfBothModulesAreTheSame() {
        #expect(Set(Encoding.topKBits.map { Int($0) }) == CodecProfile.topKBits)
    }

    @Test func genesisThatNoVectorHoldsIsRefused() throws {
        let mesh = try SmallMesh()
        func genesis(_ tensors: [TensorShape]) -> Genesis {
            Genesis(
                nonce: .zero, members: mesh.genesis.members, rules: Rules(), tensors: tensors, attachments: [],
                roots: mesh.genesis.roots)
        }
        #expect(throws: LayoutError.noTensors) { try ParameterLayout(genesis([])) }
        let huge = TensorShape(name: "a", shape: [Limits.dimensionMaximum, Limits.dimensionMaximum])
        #expect(throws: LayoutError.tooManyParameters(limit: ParameterLayout.parameterCountLimit)) {
            try ParameterLayout(genesis([huge]))
        }
    }
}
