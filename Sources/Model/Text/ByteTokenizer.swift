/// The byte-level vocabulary of 260 tokens.
///
/// 0 is `<unk>`, 1 `<s>`, 2 `</s>`; 3 to 258 are the bytes 00 to FF; 259 is U+2581, which stands for the space. Text is
/// encoded byte by byte, but a space is one token 259. As in every tokenizer of this family a literal U+2581 in the
/// text cannot be told from a space: it becomes 259 too, and decodes to a space. Nothing else is lost, and no sequence
/// of characters ever becomes a special token. Docs/model.md says how the exported tokenizer gives the same ids.
public enum ByteTokenizer {
    public static let unknown: UInt16 = 0
    public static let begin: UInt16 = 1
    public static let end: UInt16 = 2
    static let firstByte: UInt16 = 3
    static let space: UInt16 = 259

    /// UTF-8 of U+2581.
    static let spaceMark: [UInt8] = [0xE2, 0x96, 0x81]

    /// The ids of a text given as UTF-8, without `<s>`. Valid UTF-8 is the caller's duty.
    public static func encode(_ text: some Collection<UInt8>) -> [UInt16] {
        var ids: [UInt16] = []
        ids.reserveCapacity(text.count)
        for byte in text {
            if byte == 0x20 {
                ids.append(space)
                continue
            }
            ids.append(firstByte + UInt16(byte))
            // The last of three bytes may complete the mark.
            if byte == spaceMark[2], ids.count >= 3, ids[ids.count - 2] == firstByte + UInt16(spaceMark[1]),
                ids[ids.count - 3] == firstByte + UInt16(spaceMark[0])
            {
                ids.removeLast(3)
                ids.append(space)
            }
        }
        return ids
    }

    /// The ids of a whole document: `<s>` and the text. This is what training and evaluation read.
    public static func encodeDocument(_ text: some Collection<UInt8>) -> [UInt16] { [begin] + encode(text) }

    /// The bytes that ids stand for; special tokens and ids beyond the vocabulary stand for none.
    public static func decode(_ ids: some Sequence<UInt16>) -> [UInt8] {
        var bytes: [UInt8] = []
        for id in ids {
            if id == space {
                bytes.append(0x20)
            } else if (firstByte..<space).contains(id) {
                bytes.append(UInt8(truncatingIfNeeded: id - firstByte))
            }
        }
        return bytes
    }

    /// The name of a token in the exported vocabulary.
    static func name(_ id: UInt16) -> String {
        switch id {
        case unknown: return "<unk>"
        case begin: return "<s>"
        case end: return "</s>"
        case space: return "\u{2581}"
        default:
            let digits = String(id - firstByte, radix: 16, uppercase: true)
            return "<0x" + (digits.count == 1 ? "0" : "") + digits + ">"
        }
    }
}
