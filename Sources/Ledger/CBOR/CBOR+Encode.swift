extension CBOR {
    /// The one encoding of this value.
    public var encoded: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(CBOR.bytesExpected)
        append(to: &output)
        return output
    }

    /// Most records are no longer: one allocation does for them.
    private static let bytesExpected = 512

    private func append(to output: inout [UInt8]) {
        switch self {
        case .unsigned(let value): CBOR.appendHead(major: 0, value, to: &output)
        case .bytes(let bytes):
            CBOR.appendHead(major: 2, UInt64(bytes.count), to: &output)
            output += bytes
        case .text(let text): CBOR.append(text, to: &output)
        case .array(let items):
            CBOR.appendHead(major: 4, UInt64(items.count), to: &output)
            for item in items { item.append(to: &output) }
        case .map(let entries):
            CBOR.appendHead(major: 5, UInt64(entries.count), to: &output)
            for entry in entries {
                CBOR.append(entry.key, to: &output)
                entry.value.append(to: &output)
            }
        case .boolean(let value): output.append(value ? 0xf5 : 0xf4)
        case .null: output.append(0xf6)
        }
    }

    private static func append(_ text: String, to output: inout [UInt8]) {
        var text = text
        text.withUTF8 { bytes in
            appendHead(major: 3, UInt64(bytes.count), to: &output)
            output.append(contentsOf: bytes)
        }
    }

    /// The initial byte and the argument in its shortest form (RFC 8949 section 4.2.1).
    private static func appendHead(major: UInt8, _ argument: UInt64, to output: inout [UInt8]) {
        let type = major << 5
        let width: Int
        switch argument {
        case 0..<24:
            output.append(type | UInt8(argument))
            return
        case ..<0x100: width = 1
        case ..<0x1_0000: width = 2
        case ..<0x1_0000_0000: width = 4
        default: width = 8
        }
        output.append(type | UInt8(24 + width.trailingZeroBitCount))
        for shift in stride(from: 8 * (width - 1), through: 0, by: -8) {
            output.append(UInt8(truncatingIfNeeded: argument >> UInt64(shift)))
        }
    }
}
