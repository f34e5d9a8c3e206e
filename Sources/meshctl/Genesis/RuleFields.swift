import Ledger
import SiteFiles

/// The rules field by field, by their names in the ledger: whatever field the ledger has can be set and shown.
struct RuleFields {
    /// In the order of the encoding.
    private var fields: [CBOR.Entry]

    init(_ rules: Rules) {
        guard case .map(let entries) = rules.cbor else { preconditionFailure("rules are a map") }
        fields = entries
    }

    subscript(name: String) -> CBOR? {
        get { fields.first { $0.key == name }?.value }
        set {
            guard let index = fields.firstIndex(where: { $0.key == name }), let newValue else {
                preconditionFailure("no rule \(name)")
            }
            fields[index] = CBOR.Entry(key: name, value: newValue)
        }
    }

    /// Sets a field to what a file says.
    mutating func set(_ name: String, _ value: Settings.Value) throws {
        guard let current = self[name] else {
            throw Failure(
                "there is no rule \(name)", advice: "Rules are: \(fields.map(\.key).sorted().joined(separator: ", "))")
        }
        switch (current, value) {
        case (.unsigned, .number(let number)): self[name] = .unsigned(number)
        case (.text, .string(let text)): self[name] = .text(text)
        case (.map, .string(let text)): self[name] = try RuleFields.encoding(text).cbor
        default: throw Failure("\(name) must be \(RuleFields.kind(current))")
        }
    }

    func rules() throws -> Rules {
        // Through the decoder, so that what is refused there is refused here.
        do throws(RecordError) {
            return try Rules(cbor: .map(fields))
        } catch {
            throw Failure(
                "these rules cannot be: \(RuleFields.words(error))",
                advice: "Docs/rules.md lists what each rule can be.")
        }
    }

    /// Names and values for people and for a file of rules.
    var lines: [(name: String, value: String)] {
        fields.map { ($0.key, RuleFields.text($0.value)) }.sorted { $0.0 < $1.0 }
    }

    private static func encoding(_ text: String) throws -> Encoding {
        if let encoding = Encoding(description: text) { return encoding }
        throw Failure(
            "\"\(text)\" is no encoding",
            advice:
                "It is \"top-k KEPT BITS\" (KEPT 1 to 4096, BITS 1, 2, 4 or 8), \"dense-float32\" or \"dense-bfloat16\"."
        )
    }

    private static func text(_ value: CBOR) -> String {
        switch value {
        case .unsigned(let number): return String(number)
        case .text(let text): return TOMLText.quoted(text)
        default:
            guard let encoding = try? Encoding(cbor: value) else { return "" }
            return TOMLText.quoted(encoding.description)
        }
    }

    private static func kind(_ value: CBOR) -> String {
        if case .unsigned = value { return "a whole number" }
        return "a string"
    }

    private static func words(_ error: RecordError) -> String {
        switch error {
        case .outOfRange(let key): "\(key) is out of range"
        case .unknownVariant(let key, let value): "\(key) cannot be \"\(value)\""
        default: "\(error)"
        }
    }
}
