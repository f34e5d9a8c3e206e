import ArgumentParser
import Ledger

/// A part of a whole as an operator writes it: `50%`, `0.5` or `1/2`.
///
/// Read as whole numbers, so that it means the same in every locale and a third is not less than a third.
struct Share: Equatable, ExpressibleByArgument {
    /// In 1/2^30, rounded up, 1 to 2^30.
    let valueQ30: UInt32

    /// - Returns: nil for what is no number, zero, or more than the whole.
    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
        let ratio: (numerator: UInt64, denominator: UInt64)
        switch parts.count {
        case 1 where argument.hasSuffix("%"):
            guard let percent = Share.decimal(argument.dropLast()) else { return nil }
            ratio = (percent.numerator, 100 * percent.denominator)
        case 1:
            guard let decimal = Share.decimal(parts[0]) else { return nil }
            ratio = decimal
        case 2:
            guard let numerator = Share.whole(parts[0]), let denominator = Share.whole(parts[1]) else { return nil }
            ratio = (numerator, denominator)
        default: return nil
        }
        guard ratio.numerator > 0, ratio.numerator <= ratio.denominator else { return nil }
        let scaled = ratio.numerator * UInt64(Rules.oneQ30)
        valueQ30 = UInt32((scaled + ratio.denominator - 1) / ratio.denominator)
    }

    /// At most nine digits, so that no product above leaves 64 bits.
    private static func whole(_ text: Substring) -> UInt64? {
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return UInt64(text)
    }

    private static func decimal(_ text: Substring) -> (numerator: UInt64, denominator: UInt64)? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let digits = whole(parts.joined()[...]), parts.allSatisfy({ !$0.isEmpty }) else {
            return nil
        }
        let places = parts.count == 2 ? parts[1].utf8.count : 0
        return (digits, (0..<places).reduce(UInt64(1)) { power, _ in 10 * power })
    }
}

/// A share that may be zero: `0`, `0.0`, `0%`, or as `Share` takes it.
struct ShareOrNothing: Equatable, ExpressibleByArgument {
    /// In 1/2^30, 0 to 2^30.
    let valueQ30: UInt32

    init?(argument: String) {
        if ["0", "0.0", "0%"].contains(argument) {
            valueQ30 = 0
        } else {
            guard let share = Share(argument: argument) else { return nil }
            valueQ30 = share.valueQ30
        }
    }
}
