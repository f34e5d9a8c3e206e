import ArgumentParser

/// Seeds as they are written on the command line: `17`, `0..<1000` or `0...999`.
struct SeedRange: ExpressibleByArgument {
    let seeds: Range<UInt64>

    init?(argument: String) {
        if let seed = UInt64(argument), seed < .max {
            seeds = seed..<seed + 1
            return
        }
        for (separator, isClosed) in [("..<", false), ("...", true)] {
            let parts = argument.split(separator: separator, omittingEmptySubsequences: false)
            guard parts.count == 2, let first = UInt64(parts[0]), let last = UInt64(parts[1]) else { continue }
            guard last < .max, isClosed ? first <= last : first < last else { return nil }
            seeds = first..<(isClosed ? last + 1 : last)
            return
        }
        return nil
    }
}
