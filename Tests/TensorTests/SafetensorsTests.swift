import System
import TestKit
import Testing

@testable import Tensor

/// Opens a file and reads whatever it offers. The body of a fuzz target: must neither trap nor hang.
func safetensorsFuzzBody(_ bytes: [UInt8], in folder: TemporaryFolder) throws {
    folder.write(bytes, to: "fuzzed")
    let file = try SafetensorsFile(path: folder.file("fuzzed"))
    let layout = try file.layout()
    _ = try file.parameters(layout).readAll()
}

@Suite("Safetensors")
struct SafetensorsTests {
    private let folder = TemporaryFolder()

    private func bytes(_ header: String, data: [UInt8] = []) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8) + data
    }

    private func open(_ header: String, dataBytes: Int = 0) throws -> SafetensorsFile {
        folder.write(bytes(header, data: [UInt8](repeating: 0, count: dataBytes)), to: "file")
        return try SafetensorsFile(path: folder.file("file"))
    }

    @Test
    func whatWasWrittenIsReadAndWrittenAlikeAgain() throws {
        let layout = try ParameterLayout([("a \"quoted\" \\ name\n", [300, 1000]), ("é", [7]), ("scalar", [])])
        var random = TestRandom(40)
        let values = random.pseudoGradient(layout.parameterCount)
        for name in ["one", "two"] {
            try SafetensorsFile.write(
                ParameterArray(values), layout: layout, metadata: [("format", "pt")], to: folder.file(name))
        }
        #expect(folder.bytes("one") == folder.bytes("two"))
        #expect(folder.names == ["one", "two"])
        let file = try SafetensorsFile(path: folder.file("one"))
        #expect(try file.layout() == layout)
        #expect(file.metadata == ["format": "pt"])
        #expect(try file.parameters(layout).readAll() == values)
    }

    @Test
    func theBytesAreThoseOfTheFormat() throws {
        let layout = try ParameterLayout([("w", [1, 2]), ("b", [1])])
        try SafetensorsFile.write(ParameterArray([1, -2, 0.5]), layout: layout, to: folder.file("file"))
        let header =
            #"{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#
        let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        #expect(
            folder.bytes("file") == bytes(padded, data: [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0, 0x3F]))
    }

    @Test
    func tensorsAreOrderedByTheirDataAndReadInTheOrderOfTheLayout() throws {
        let header =
            #" { "b" : {"shape":[1],"data_offsets":[4,8],"dtype":"F32"} , "a\u0041\ud83d\ude00":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"__metadata__":{}} "#
        folder.write(bytes(header, data: [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]), to: "file")
        let file = try SafetensorsFile(path: folder.file("file"))
        #expect(file.entries.map(\.name) == ["aA😀", "b"])
        #expect(try file.parameters(ParameterLayout([("b", [1]), ("aA😀", [])])).readAll() == [-2, 1])
    }

    @Test
    func halfPrecisionIsWidenedExactly() throws {
        let halves: [UInt16] = [0x3C00, 0xC000, 0x0001, 0x8000, 0x7BFF, 0x3555]
        let brains: [UInt16] = [0x3F80, 0xC000, 0x0001, 0x7F7F, 0x8000, 0x3EAB]
        let data = (halves + brains).flatMap { value in withUnsafeBytes(of: value.littleEndian, Array.init) }
        folder.write(
            bytes(
                #"{"h":{"dtype":"F16","shape":[6],"data_offsets":[0,12]},"b":{"dtype":"BF16","shape":[6],"data_offsets":[12,24]}}"#,
                data: data), to: "file")
        let file = try SafetensorsFile(path: folder.file("file"))
        let values = try file.parameters(file.layout()).readAll()
        let expected: [Float] = [1, -2, 0x1p-24, -0.0, 65504, 0x1.554p-2]
        #expect(values[..<6].map(\.bitPattern) == expected.map(\.bitPattern))
        #expect(values[6...].map(\.bitPattern) == brains.map { UInt32($0) << 16 })
        #expect(SafetensorsFile.widen(0xFC00, .float16) == -.infinity)
        #expect(SafetensorsFile.widen(0x7E00, .float16).isNaN)
    }

    @Test
    func namesAndShapesThatTheLayoutDoesNotHaveAreNamed() throws {
        let file = try open(#"{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}"#, dataBytes: 8)
        let path = folder.file("file")
        #expect(throws: SafetensorsError.shapeMismatch(file: path, name: "w", expected: [2], found: [1, 2])) {
            try file.parameters(ParameterLayout([("w", [2])]))
        }
        #expect(throws: SafetensorsError.unexpectedParameter(file: path, name: "w")) {
            try file.parameters(ParameterLayout([("v", [1, 2])]))
        }
        #expect(throws: SafetensorsError.missingParameter(file: path, name: "v")) {
            try file.parameters(ParameterLayout([("w", [1, 2]), ("v", [1])]))
        }
    }

    @Test(arguments: [
        "", "{", "[]", "{}x", #"{"a":1}"#, #"{"a":{}}"#, #"{"a":{"dtype":"F32"}}"#,
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}"#,
        #"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#,
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},}"#,
        #"{"a\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        #"{"a\x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        #"{"__metadata__":{"a":1},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#,
    ])
    func aHeaderThatIsNoHeaderIsMalformed(header: String) {
        let error = #expect(throws: SafetensorsError.self) { try open(header, dataBytes: 4) }
        guard case .malformedHeader(folder.file("file"), _, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test
    func holesOverlapsDuplicatesAndOtherTypesAreNamed() {
        let path = folder.file("file")
        func tensor(_ name: String, _ start: Int, _ end: Int, type: String = "F32", shape: String = "[1]") -> String {
            "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(start),\(end)]}"
        }
        func refusal(_ tensors: [String], _ dataBytes: Int) -> SafetensorsError? {
            #expect(throws: SafetensorsError.self) {
                try open("{\(tensors.joined(separator: ","))}", dataBytes: dataBytes)
            }
        }
        #expect(refusal([tensor("a", 0, 4), tensor("b", 8, 12)], 12) == .badOffsets(file: path, name: "b"))
        #expect(refusal([tensor("a", 0, 4), tensor("b", 2, 6)], 6) == .badOffsets(file: path, name: "b"))
        #expect(refusal([tensor("a", 0, 4), tensor("b", 0, 4)], 4) == .badOffsets(file: path, name: "b"))
        #expect(refusal([tensor("a", 4, 8)], 8) == .badOffsets(file: path, name: "a"))
        #expect(refusal([tensor("a", 0, 4)], 5) == .badOffsets(file: path, name: "a"))
        #expect(refusal([tensor("a", 0, 4)], 3) == .badOffsets(file: path, name: "a"))
        #expect(refusal([tensor("a", 0, 4, shape: "[2]")], 4) == .badOffsets(file: path, name: "a"))
        let wide = "[9007199254740992,9007199254740992]"
        #expect(refusal([tensor("a", 0, 4, shape: wide)], 4) == .badOffsets(file: path, name: "a"))
        #expect(refusal([tensor("a", 0, 4), tensor("a", 4, 8)], 8) == .duplicateName(file: path, name: "a"))
        #expect(refusal([tensor("a", 0, 4), tensor("\\u0061", 4, 8)], 8) == .duplicateName(file: path, name: "a"))
        #expect(
            refusal([tensor("a", 0, 8, type: "F64")], 8) == .dtypeMismatch(file: path, name: "a", dtype: "F64"))
        #expect(
            refusal([#""__metadata__":{"k":"1","k":"2"}"#], 0) == .duplicateName(file: path, name: "k"))
    }

    @Test
    func canonicallyEquivalentNames_areTwoTensors() throws {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        let layout = try ParameterLayout([(decomposed, [1]), (composed, [1])])
        try SafetensorsFile.write(
            ParameterArray([1, 2]), layout: layout, metadata: [(composed, "a"), (decomposed, "b")],
            to: folder.file("file"))
        let file = try SafetensorsFile(path: folder.file("file"))
        #expect(try file.layout() == layout)
        #expect(file.metadata.count == 2)
        #expect(try file.parameters(layout).readAll() == [1, 2])
        let swapped = try ParameterLayout([(composed, [1]), (decomposed, [1])])
        #expect(try file.parameters(swapped).readAll() == [2, 1])
        let single = try ParameterLayout([(composed, [1])])
        try SafetensorsFile.write(ParameterArray([1]), layout: single, to: folder.file("single"))
        #expect(throws: SafetensorsError.self) {
            try SafetensorsFile(path: folder.file("single")).parameters(ParameterLayout([(decomposed, [1])]))
        }
    }

    @Test
    func aHeaderLongerThanTheFileOrItsLimitIsNotRead() {
        for (length, bytes) in [(3 as UInt64, 2), (100_000_001, 40), (.max, 0), (1 << 63, 8)] {
            folder.write(
                withUnsafeBytes(of: length.littleEndian, Array.init) + [UInt8](repeating: 32, count: bytes), to: "file")
            #expect(throws: SafetensorsError.headerTooLong(file: folder.file("file"), bytes: length)) {
                try SafetensorsFile(path: folder.file("file"))
            }
        }
        folder.write([1, 2, 3], to: "file")
        #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: folder.file("file")) }
    }

    @Test(arguments: 0..<4)
    func mutatedFilesAreReadOrRefusedButNeverTrap(seed: UInt64) throws {
        let layout = try ParameterLayout([("first", [3, 4]), ("second", [5]), ("third", [])])
        var random = TestRandom(seed)
        try SafetensorsFile.write(
            ParameterArray(random.pseudoGradient(layout.parameterCount)), layout: layout,
            metadata: [("format", "pt")], to: folder.file("file"))
        let original = folder.bytes("file")
        var refused = 0
        for _ in 0..<500 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(Array(#"{}[],:"\0159u"#.utf8).randomElement(using: &random) ?? 0, at: place)
                }
            }
            do {
                try safetensorsFuzzBody(bytes, in: folder)
            } catch {
                #expect(error is SafetensorsError)
                refused += 1
            }
        }
        #expect(refused > 100)
        try safetensorsFuzzBody(original, in: folder)
    }

    @Test(
        "an optimizer's state that was written is read back, across the border of a block too", arguments: [7, 262_144])
    func optimizerState_writtenAndRead_isTheSame(parameters: Int) throws {
        var random = TestRandom(35)
        let state = random.pseudoGradient(parameters).map(\.magnitude) + [16_777_216]
        let layout = try ParameterLayout([("bias", [parameters - 5]), ("scale", [5])])
        let path = folder.file("state.safetensors")
        try OptimizerStateFile.write(
            ParameterArray(state), layout: layout, metadata: [(key: "mesh.height", value: "3")], to: path)
        let file = try SafetensorsFile(path: path)
        #expect(file.entries.map(\.name) == ["exp_avg_sq.bias", "exp_avg_sq.scale"])
        #expect(file.metadata["mesh.optimizer_steps"] == "16777216" && file.metadata["mesh.height"] == "3")
        let source = try OptimizerStateFile.read(path, layout: layout)
        #expect(try source.readAll() == state)
        #expect(try ParameterFile.tree(of: source).root == ParameterFile.tree(of: ParameterArray(state)).root)
    }

    @Test(
        "an optimizer's state without a number of steps, or with one that no schedule has, is refused",
        arguments: [nil, "", "-1", "+1", "01", "1.5", "16777217", "99999999999999999999"])
    func optimizerState_badSteps_isRefused(steps: String?) throws {
        let layout = try ParameterLayout([("exp_avg_sq.bias", [2])])
        let path = folder.file("state.safetensors")
        try SafetensorsFile.write(
            ParameterArray([1, 2]), layout: layout,
            metadata: steps.map { [(key: "mesh.optimizer_steps", value: $0)] } ?? [], to: path)
        let expected: SafetensorsError =
            steps.map {
                .badMetadata(
                    file: path, key: "mesh.optimizer_steps", value: $0, expected: "a whole number up to 16777216")
            } ?? .missingMetadata(file: path, key: "mesh.optimizer_steps")
        #expect(throws: expected) {
            try OptimizerStateFile.read(path, layout: ParameterLayout([("bias", [2])]))
        }
    }

    @Test(
        "what is no second moment is refused when it is read", arguments: [-1, -.infinity, .infinity, .nan] as [Float])
    func optimizerState_badMoment_isRefused(value: Float) throws {
        let layout = try ParameterLayout([("bias", [262_146])])
        var state = [Float](repeating: 0.5, count: 262_146) + [9]
        state[262_145] = value
        let path = folder.file("state.safetensors")
        try OptimizerStateFile.write(ParameterArray(state), layout: layout, metadata: [], to: path)
        let source = try OptimizerStateFile.read(path, layout: layout)
        let place = "block 1 has a number that is no second moment: it is negative, infinite or not a number"
        #expect(throws: FileError.damaged(file: path, place: place)) { try ParameterFile.tree(of: source) }
    }

    @Test("the state lies beside a model, whatever names the model")
    func optimizerState_path_isBesideTheModel() {
        folder.write([1], to: "weights")
        #expect(OptimizerStateFile.path(of: folder.path) == folder.file("optimizer/state.safetensors"))
        #expect(OptimizerStateFile.path(of: folder.file("weights")) == folder.file("optimizer/state.safetensors"))
        #expect(OptimizerStateFile.path(of: "model.safetensors") == "./optimizer/state.safetensors")
    }

    @Test("an optimizer's state of another model is refused")
    func optimizerState_ofAnotherModel_isRefused() throws {
        let path = folder.file("state.safetensors")
        try OptimizerStateFile.write(
            ParameterArray([1, 2, 9]), layout: ParameterLayout([("bias", [2])]), metadata: [], to: path)
        #expect(throws: SafetensorsError.self) {
            try OptimizerStateFile.read(path, layout: ParameterLayout([("bias", [3])]))
        }
        #expect(throws: SafetensorsError.self) {
            try OptimizerStateFile.read(path, layout: ParameterLayout([("scale", [2])]))
        }
    }
}
