/// Who may import whom: the table of the architecture, module by module, and what each may take from outside. A module
/// that stands nowhere here may not exist, and an import that stands nowhere here fails `ImportTests`.
let importTable: [ModuleRow] = [
    // module             ours                                       outside
    ModuleRow("System", [], ["Glibc"]),
    ModuleRow("Crypto", ["System"], ["CSodium", "Glibc"]),
    ModuleRow("Tensor", ["Crypto", "System"], ["CKernels", "Glibc"]),
    ModuleRow("Ledger", ["Crypto"], []),
    ModuleRow("Compression", [], ["CZstd", "Glibc"]),
    ModuleRow("Rounds", ["Ledger", "Tensor", "Crypto", "System"], []),
    ModuleRow("Link", ["Ledger", "Crypto"], []),
    ModuleRow("Gossip", ["Link", "Ledger", "Crypto"], []),
    ModuleRow("Simulator", ["Gossip", "Link", "Ledger", "Rounds", "Tensor", "Crypto"], []),
    ModuleRow("EventLoop", ["System"], ["CUV", "Glibc"]),
    ModuleRow("JSON", [], []),
    ModuleRow("Control", ["JSON", "EventLoop"], ["FoundationEssentials", "Glibc"]),
    ModuleRow("Model", ["Tensor", "JSON", "System"], ["CBLAS", "CKernels", "Glibc", "FoundationEssentials"]),
    ModuleRow(
        "SiteFiles", ["Gossip", "Ledger", "Crypto", "EventLoop", "System"],
        ["TOMLKit", "FoundationEssentials", "Glibc"]),
    ModuleRow("Program", [], ["ArgumentParser", "CArguments", "Glibc"]),
    ModuleRow(
        "MeshNode",
        [
            "Control", "EventLoop", "Compression", "Link", "Gossip", "Rounds", "Ledger", "Tensor", "Crypto",
            "SiteFiles",
            "Program", "System",
        ],
        ["ArgumentParser", "GRDB", "Logging"] + system),
    ModuleRow(
        "meshctl",
        ["Control", "EventLoop", "Ledger", "Rounds", "Tensor", "Crypto", "SiteFiles", "Program", "System"],
        ["ArgumentParser"] + system),
    ModuleRow(
        "meshtrain", ["Model", "Tensor", "Crypto", "Control", "EventLoop", "Program", "System"],
        ["ArgumentParser"] + system),
    ModuleRow(
        "FuzzEntries", ["Control", "Compression", "Link", "Gossip", "Rounds", "Ledger", "Tensor", "Crypto"], ["Glibc"]),
    ModuleRow("meshsim", ["Simulator", "Program", "System"], ["ArgumentParser"] + system),
    ModuleRow("netrelay", ["Crypto", "Program"], ["ArgumentParser"] + system),
    ModuleRow(
        "Bench",
        [
            "Crypto", "Tensor", "Ledger", "Rounds", "Link", "Gossip", "Simulator", "EventLoop", "Compression",
            "Control",
            "Model", "Program", "System",
        ], ["ArgumentParser"] + system),
]

/// What an executable may use of Swift's own libraries.
private let system = ["Foundation", "FoundationEssentials", "Glibc"]

/// Targets without Swift: module maps of Debian's libraries, and our few C loops.
let targetsWithoutSwift: Set<String> = ["CUV", "CSodium", "CZstd", "CBLAS", "CKernels", "CArguments"]

/// The protocol's own modules decide the same on every machine and in the simulator: no clock, no thread, no file.
let pureModules: Set<String> = ["Gossip", "Link", "Ledger"]
let forbiddenInPureModules: Set<String> = [
    "Foundation", "FoundationEssentials", "Dispatch", "Glibc", "Tensor", "EventLoop", "System",
]

/// Every package that Package.swift may name. A new one is a decision of the whole team.
let allowedPackages: Set<String> = [
    "https://github.com/apple/swift-argument-parser",
    "https://github.com/apple/swift-log",
    "https://github.com/groue/GRDB.swift",
    "https://github.com/LebJe/TOMLKit",
]

/// One line of the table.
struct ModuleRow: Sendable {
    let module: String
    let ours: Set<String>
    let outside: Set<String>

    init(_ module: String, _ ours: Set<String>, _ outside: [String]) {
        self.module = module
        self.ours = ours
        self.outside = Set(outside)
    }
}
