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

    @Test(arguments: [Encoding.topK(kept: 1, bits: 2), .topK(kept: 4096, bits: 4), .dense])
    func encodingsAndProfilesMapBothWays(encoding: Encoding) {
        let profile = CodecProfile(encoding)
        #expect(profile.isValid)
        #expect(Encoding(profile) == encoding)
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
