import Glibc
import System
import TestKit
import Testing

@testable import Tensor

/// Models as they are published: in shards, with buffers of integers and tensors without elements.
@Suite("Model files")
struct ModelFilesTests {
    private let folder = TemporaryFolder()

    private func floats(_ values: [Float]) -> [UInt8] {
        values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
    }

    private func file(_ header: String, _ data: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8) + data
    }

    private func tensor(_ name: String, _ type: String, _ shape: String, _ range: Range<Int>) -> String {
        "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(range.lowerBound),\(range.upperBound)]}"
    }

    private func writeShards(
        map: String =
            #""b":"model-00002-of-00002.safetensors","a":"model-00001-of-00002.safetensors","ids":"model-00002-of-00002.safetensors""#
    ) {
        folder.write(
            file("{\(tensor("a", "F32", "[2]", 0..<8))}", floats([1, 2])), to: "model-00001-of-00002.safetensors")
        folder.write(
            file(
                "{\(tensor("b", "F32", "[1]", 0..<4)),\(tensor("ids", "I64", "[2]", 4..<20))}",
                floats([3]) + [UInt8](1...16)), to: "model-00002-of-00002.safetensors")
        folder.write(
            Array(
                "{\"metadata\":{\"total_size\":28,\"extra\":[1.5e3,null,{\"x\":true}]},\"weight_map\":{\(map)}}".utf8),
            to: "model.safetensors.index.json")
    }

    @Test("Shards are read by their index, from the directory or the index itself")
    func readsShards() throws {
        writeShards()
        for path in [folder.path, folder.file("model.safetensors.index.json")] {
            let model = try SafetensorsModel(path: path)
            let layout = try model.layout()
            #expect(layout.tensors.map(\.name) == ["a", "b"])
            #expect(try model.parameters(layout).readAll() == [1, 2, 3])
            let reordered = try ParameterLayout([("b", [1]), ("a", [2])])
            #expect(try model.parameters(reordered).readAll() == [3, 1, 2])
            #expect(try model.carried(limitBytes: 16).tensors.map(\.bytes) == [[UInt8](1...16)])
        }
    }

    @Test(
        "An index that does not fit its shards is refused, with the file and the tensor",
        arguments: [
            (#""a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors""#, "ids"),
            (
                #""a":"model-00002-of-00002.safetensors","b":"model-00002-of-00002.safetensors","ids":"model-00002-of-00002.safetensors""#,
                "a"
            ),
            (#""a":"../model-00001-of-00002.safetensors""#, "../model"), (#""a":"/etc/passwd""#, "/etc/passwd"),
            (#""a":".safetensors""#, ".safetensors"), (#""a":"missing.safetensors""#, "missing.safetensors"),
            (#""a":"model-00001-of-00002.safetensors","a":"model-00001-of-00002.safetensors""#, "a"),
            ("", "weight_map"),
        ])
    func refusesIndex(map: String, named: String) {
        writeShards(map: map)
        let error = #expect(throws: SafetensorsError.self) { try SafetensorsModel(path: folder.path) }
        #expect(error?.description.contains(named) ?? false, "\(String(describing: error))")
    }

    @Test(
        "An index that is no JSON, too deep or no file is refused",
        arguments: [
            "", "[]", "{\"weight_map\":[]}", "{\"weight_map\":{\"a\":1}}",
            "{\"m\":" + String(repeating: "[", count: 100) + "}", "{\"weight_map\":{}",
        ])
    func refusesBrokenIndex(text: String) {
        folder.write(Array(text.utf8), to: "model.safetensors.index.json")
        #expect(throws: SafetensorsError.self) { try SafetensorsModel(path: folder.path) }
    }

    @Test("Integers, booleans and tensors without elements are no parameters, and are carried along")
    func carries() throws {
        let header = [
            tensor("weights", "F32", "[2]", 0..<8), tensor("empty", "F32", "[0,5]", 8..<8),
            tensor("positions", "I64", "[1]", 8..<16), tensor("mask", "BOOL", "[3]", 16..<19),
            tensor("half", "BF16", "[1]", 19..<21), tensor("none", "I32", "[0]", 21..<21),
        ].joined(separator: ",")
        let data = floats([1, 2]) + [7, 0, 0, 0, 0, 0, 0, 0] + [1, 0, 1] + [0x80, 0x3F]
        folder.write(file("{\(header)}", data), to: "model.safetensors")
        let model = try SafetensorsModel(path: folder.path)
        let layout = try model.layout()
        #expect(layout.tensors.map(\.name) == ["weights", "half"])
        #expect(try model.parameters(layout).readAll() == [1, 2, 1])
        let carried = try model.carried(limitBytes: 1000)
        #expect(carried.tensors.map(\.name) == ["empty", "mask", "none", "positions"])
        #expect(carried.tensors.map(\.shape) == [[0, 5], [3], [0], [1]])
        #expect(try CarriedTensors(decoding: carried.encoded, name: "x") == carried)
        #expect(throws: SafetensorsError.self) { try model.carried(limitBytes: 10) }

        try SafetensorsFile.write(
            ParameterArray([4, 5, 6]), layout: layout, carrying: carried, metadata: [("format", "pt")],
            to: folder.file("export.safetensors"))
        let export = try SafetensorsModel(path: folder.file("export.safetensors"))
        #expect(try export.layout() == layout)
        #expect(try export.parameters(layout).readAll() == [4, 5, 6])
        #expect(try export.carried(limitBytes: 1000) == carried)
        let twice = CarriedTensors([.init(name: "half", type: .integer8, shape: [], bytes: [1])])
        #expect(throws: SafetensorsError.duplicateName(file: folder.file("y"), name: "half")) {
            try SafetensorsFile.write(ParameterArray([4, 5, 6]), layout: layout, carrying: twice, to: folder.file("y"))
        }
    }

    @Test("Carried tensors that are damaged, or parameters, are refused", arguments: 0..<3)
    func refusesDamagedCarried(seed: UInt64) {
        let carried = CarriedTensors([
            .init(name: "ids", type: .integer16, shape: [2], bytes: [1, 2, 3, 4]),
            .init(name: "mask", type: .boolean, shape: [1], bytes: [1]),
        ])
        var random = TestRandom(seed)
        for _ in 0..<500 {
            var bytes = carried.encoded
            let place = Int.random(in: 0..<bytes.count, using: &random)
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            if let read = try? CarriedTensors(decoding: bytes, name: "x") { #expect(read.tensors.count <= 2) }
            _ = try? CarriedTensors(decoding: Array(carried.encoded[..<place]), name: "x")
        }
        #expect(throws: SafetensorsError.self) {
            try CarriedTensors(decoding: file("{\(tensor("a", "F32", "[1]", 0..<4))}", floats([1])), name: "x")
        }
    }

    @Test("A pipe, a device or a directory in the place of weights is refused and holds nothing up")
    func refusesOtherKinds() throws {
        #expect(mkfifo(folder.file("model.safetensors"), 0o600) == 0)
        for path in [folder.path, folder.file("model.safetensors"), "/dev/zero"] {
            let error = #expect(throws: SafetensorsError.self) { try SafetensorsModel(path: path) }
            #expect(error?.description.hasSuffix("is not a regular file") ?? false)
        }
    }

    @Test("Every error is a sentence without the names of Swift's cases") func saysSentences() {
        let errors: [any Error] = [
            SafetensorsError.file(.notARegularFile(file: "f")), SafetensorsError.layout(file: "f", .noTensors),
            SafetensorsError.dtypeMismatch(file: "f", name: "n", dtype: "F64"),
            FileError.system(file: "f", operation: "open", code: ENOENT),
            CodecError.unreadable(.notARegularFile(file: "f")), EncodingError.file(.notARegularFile(file: "f")),
            AveragingError.nonFinite(block: 1), LayoutError.badShape(name: "n", shape: [0]),
        ]
        for error in errors { #expect("\(error)".contains(" ") && !"\(error)".contains("(file:"), "\(error)") }
    }
}
