import FuzzEntries
import Glibc

/// Which entry this process drives: libFuzzer owns the command line, so the environment says it.
private let entry: FuzzEntry = {
    guard let name = getenv("FUZZ_ENTRY"), let entry = FuzzEntry(rawValue: String(cString: name)) else {
        let names = FuzzEntry.allCases.map(\.rawValue).joined(separator: ", ")
        puts("FUZZ_ENTRY must name what is fuzzed: \(names)")
        exit(2)
    }
    return entry
}()

/// Writes the entry's seeds into the folder FUZZ_SEEDS, where it is given, and leaves.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt {
    guard let folder = getenv("FUZZ_SEEDS").map({ String(cString: $0) }) else { return 0 }
    for (index, seed) in FuzzSeeds.inputs(of: entry).enumerated() {
        guard let file = fopen("\(folder)/seed-\(index)", "w") else { exit(1) }
        let written = fwrite(seed, 1, seed.count, file)
        guard fclose(file) == 0, written == seed.count else { exit(1) }
    }
    exit(0)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    entry.run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
