@testable import Control

/// Values of every kind of field, at their bounds.
enum Samples {
    static let digest = String(repeating: "0123456789abcdef", count: 4)

    /// Values that the kind must accept.
    static func good(_ kind: FieldKind) -> [String] {
        switch kind {
        case .integer(let range): ["\(range.lowerBound)", "\(range.upperBound)"]
        case .number(let range): ["\(range.lowerBound)", "\(range.upperBound)", "0", "1.5e0"]
        case .boolean: ["true", "false"]
        case .digest: ["\"\(digest)\""]
        case .digestPrefix: ["\"\(digest)\"", "\"0a1b\""]
        case .memberName: ["\"de\"", "\"" + String(repeating: "a", count: 32) + "\"", "\"a-0\""]
        case .record(let count): ["\"00\"", "\"" + String(repeating: "0f", count: count) + "\""]
        case .enumeration(let words): words.map { "\"\($0)\"" }
        case .list(let element, let count):
            ["[]", "[" + Array(repeating: good(element)[0], count: count).joined(separator: ",") + "]"]
        }
    }

    /// Values that the kind must refuse: its neighbours, and everything that looks like text, a path or a file.
    static func bad(_ kind: FieldKind) -> [String] {
        let always = [
            "null", "{}", "\"/etc/passwd\"", "\"../secret\"", "\"some free text\"", "\"\"", "\"data.txt\"",
            "\"A\"", "\"\(digest.uppercased())\"", "\"\(digest)0\"", "\"file:///x\"", "{\"path\":\"x\"}", "[[]]",
        ]
        switch kind {
        case .integer(let range):
            return always + ["\(range.upperBound + 1)", "\(range.lowerBound - 1)", "1.5", "1.0", "1e3", "true", "[1]"]
        case .number(let range):
            return always + ["\(range.upperBound * 2)", "\(range.lowerBound * 2)", "true", "\"1\""]
        case .boolean: return always + ["0", "1", "\"true\""]
        case .record(let count):
            return always + ["0", "[]", "\"0\"", "\"0g\"", "\"" + String(repeating: "0f", count: count + 1) + "\""]
        case .digestPrefix: return always + ["0", "[]", "\"de\"", "\"0a1\"", "\"0a1g\""]
        case .digest, .enumeration: return always + ["0", "[]", "\"de\""]
        case .memberName: return always + ["0", "\"" + String(repeating: "a", count: 33) + "\"", "\"a_b\"", "\"a.b\""]
        case .list(let element, let count):
            let one = good(element)[0]
            return always + [
                one, "[" + Array(repeating: one, count: count + 1).joined(separator: ",") + "]",
                "[\(one),\"text\"]",
            ]
        }
    }

    /// A request with all fields at one of their good values.
    static func request(_ method: MethodSchema, replacing name: String? = nil, by value: String? = nil, id: Int = 7)
        -> String
    {
        let members = method.fields.map { field in
            "\"\(field.name)\":" + (field.name == name ? value ?? "null" : good(field.kind)[0])
        }
        return "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"\(method.name)\",\"params\":{"
            + members.joined(separator: ",") + "}}"
    }

    static let towardDaemon = ControlSchema.methods.filter { $0.direction == .towardDaemon }
}

/// A small generator for mutations (splitmix64): the same seed, the same bytes.
struct Mutator {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(max(1, bound)))
    }

    /// `bytes` with one to four changes: flips, cuts, doublings, overwrites.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        for _ in 0...next(4) {
            guard !result.isEmpty else { return [UInt8(next(256))] }
            let index = next(result.count)
            switch next(5) {
            case 0: result[index] ^= 1 << UInt8(next(8))
            case 1: result[index] = UInt8(next(256))
            case 2: result.removeSubrange(index..<min(result.count, index + 1 + next(8)))
            case 3: result.insert(contentsOf: result[index..<min(result.count, index + 1 + next(16))], at: index)
            default: result.insert(Array("{}[]\",:\\0-e".utf8)[next(11)], at: index)
            }
        }
        return result
    }
}
