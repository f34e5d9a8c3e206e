import Foundation
import Ledger
import Tensor
import Testing

@testable import meshctl

/// What `genesis create` takes of a model directory, and what exports get of it.
@Suite struct ModelInGenesisTests {
    private func place() throws -> Workplace {
        let place = try Workplace()
        #expect(try place.run("keygen", "--site", "de", "--address", "de.example.org:7700").status == 0)
        try place.makeModel()
        return place
    }

    private func create(_ place: Workplace, _ options: [String] = []) throws -> Workplace.Result {
        try place.run(["genesis", "create", "--model", "model", "--cards", "de/site.card"] + options)
    }

    private func remove(_ name: String, _ place: Workplace) throws {
        try FileManager.default.removeItem(atPath: place.path(name))
    }

    @Test("A model without config.json is refused, unless an outside trainer is named") func needsConfiguration() throws
    {
        let place = try place()
        try remove("model/config.json", place)
        let refused = try create(place)
        #expect(refused.status != 0 && refused.errors.contains("no config.json"))
        #expect(refused.errors.contains("--outside-trainer"))
        #expect(!FileManager.default.fileExists(atPath: place.path("genesis.mesh")))
        #expect(try create(place, ["--outside-trainer"]).status == 0)
    }

    @Test("A tokenizer of tens of megabytes is taken along") func takesLargeTokenizer() throws {
        let place = try place()
        try place.write([UInt8](repeating: UInt8(ascii: " "), count: 20 << 20), to: "model/tokenizer.json")
        let result = try create(place)
        #expect(result.status == 0, "\(result.errors)")
        let genesis = try GenesisFile(encoded: place.bytes("genesis.mesh")).genesis
        #expect(genesis.attachments.first { $0.name == "tokenizer.json" }?.bytes.count == 20 << 20)
        try place.write([UInt8](repeating: UInt8(ascii: " "), count: (64 << 20) + 1), to: "model/tokenizer.json")
        let refused = try create(place, ["--force"])
        #expect(refused.status != 0 && refused.errors.contains("tokenizer.json"))
    }

    @Test("Buffers of integers and empty tensors go into the genesis, and a changed one is refused at signing")
    func carriesBuffers() throws {
        let place = try place()
        let layout = try ParameterLayout([("a", [4])])
        func write(_ ids: [UInt8]) throws {
            try SafetensorsFile.write(
                ParameterArray([1, 2, 3, 4]), layout: layout,
                carrying: CarriedTensors(decoding: CarriedTensorsFixture.encoded(ids), name: "fixture"),
                to: place.path("model/model.safetensors"))
        }
        try write([1, 2, 3, 4, 5, 6, 7, 8])
        #expect(try create(place).status == 0)
        let genesis = try GenesisFile(encoded: place.bytes("genesis.mesh")).genesis
        #expect(genesis.tensors.map(\.name) == ["a"])
        let carried = try ModelFolder.carried(by: genesis)
        #expect(carried.tensors.map(\.name) == ["empty", "ids"])
        #expect(!ModelFolder.files(of: genesis).contains { $0.name == ModelFolder.carriedName })
        try write([8, 7, 6, 5, 4, 3, 2, 1])
        let other = try place.run("genesis", "sign", "--genesis", "genesis.mesh", "--key", "de", "--model", "model")
        #expect(other.status != 0 && other.errors.contains("not trained"))
        try write([1, 2, 3, 4, 5, 6, 7, 8])
        let signed = try place.run("genesis", "sign", "--genesis", "genesis.mesh", "--key", "de", "--model", "model")
        #expect(signed.status == 0, "\(signed.errors)")
    }
}

/// Carried tensors as a file: `ids`, one I64, and `empty`, a float tensor without elements.
private enum CarriedTensorsFixture {
    static func encoded(_ ids: [UInt8]) -> [UInt8] {
        let header =
            #"{"empty":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]},"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#
        return withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8) + ids
    }
}
