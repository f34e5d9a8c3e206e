// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target of ours is compiled with: Swift 6 language mode, and a warning stops the build.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
]

/// The kernels are written for whole-array loops; peers compare their bits, so contraction is off everywhere.
let kernelFlags: [CSetting] = [.define("NDEBUG", .when(configuration: .release))]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// Tests are compiled without optimization, which takes less than half the time; what they test is as the configuration
/// says. Those that compute much themselves are optimized like it.
func tests(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [], areOptimized: Bool = false
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, resources: resources,
        swiftSettings: areOptimized ? strict : strict + [.unsafeFlags(["-Onone"])])
}

let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let sqlite: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let toml: Target.Dependency = .product(name: "TOMLKit", package: "TOMLKit")

let package = Package(
    name: "mesh",
    products: [
        .executable(name: "meshnode", targets: ["MeshNode"]),
        .executable(name: "meshctl", targets: ["meshctl"]),
        .executable(name: "meshtrain", targets: ["meshtrain"]),
        .executable(name: "meshsim", targets: ["meshsim"]),

        // For the package in Fuzz/.
        .library(name: "FuzzEntries", targets: ["FuzzEntries"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
    ],
    targets: [
        // Debian's libraries, and the few C loops of our own.
        .systemLibrary(name: "CUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .target(name: "CKernels", cSettings: kernelFlags),
        .target(name: "CArguments"),

        // The rooms, in the order in which data flows; architecture.md has the table, SourceTreeTests enforces it.
        library("Locking"),
        library("Crypto", ["CSodium", "Locking"]),
        library("Tensor", ["CKernels", "Crypto", "Locking"]),
        library("Ledger", ["Crypto"]),
        library("Compression", ["CZstd"]),
        library("Rounds", ["Ledger", "Tensor", "Crypto"]),
        library("Gossip", ["Ledger", "Crypto"]),
        library("Simulator", ["Gossip", "Ledger", "Rounds", "Tensor", "Crypto"]),
        library("EventLoop", ["CUV", "Locking"]),
        library("JSON"),
        library("Control", ["JSON"]),
        library("Model", ["Tensor", "JSON", "CBLAS", "CKernels"]),
        library("SiteFiles", ["Gossip", "Ledger", "Crypto", "EventLoop", toml]),
        library("Program", ["CArguments", arguments]),
        library("FuzzEntries", ["Crypto", "Tensor", "Ledger", "Rounds", "Gossip", "Compression", "Control"]),

        executable(
            "MeshNode",
            [
                "Crypto", "Tensor", "Ledger", "Rounds", "Gossip", "Compression", "EventLoop", "Control", "SiteFiles",
                "Program", "Locking", arguments, logging, sqlite,
            ]),
        executable(
            "meshctl",
            ["Control", "EventLoop", "Ledger", "Rounds", "Tensor", "Crypto", "SiteFiles", "Program", arguments]),
        executable("meshtrain", ["Model", "Tensor", "Crypto", "Control", "EventLoop", "Program", arguments]),
        executable("meshsim", ["Simulator", "Program", "Locking", arguments]),
        // Test equipment: a bad network between daemons. Never part of a mesh.
        executable("netrelay", ["Crypto", "Program", arguments]),
        executable(
            "Bench",
            [
                "Crypto", "Tensor", "Ledger", "Rounds", "Gossip", "Simulator", "Model", "Compression", "Control",
                "EventLoop", "Program", "Locking", arguments,
            ]),

        // What several bundles of tests share.
        .target(name: "CTestSupport", path: "Tests/CTestSupport"),
        .target(
            name: "TestSupport", dependencies: ["CTestSupport", "Locking"], path: "Tests/TestSupport",
            swiftSettings: strict),

        tests("CryptoTests", ["Crypto", "TestSupport"], resources: [.copy("Vectors")]),
        tests("TensorTests", ["Tensor", "CKernels", "Crypto", "FuzzEntries", "TestSupport"], areOptimized: true),
        tests("LedgerTests", ["Ledger", "Crypto"], resources: [.copy("Fixtures")]),
        tests("CompressionTests", ["Compression"]),
        tests("RoundsTests", ["Rounds", "Ledger", "Tensor", "Crypto"], areOptimized: true),
        tests("GossipTests", ["Gossip", "Ledger", "Crypto"]),
        tests("SimulatorTests", ["Simulator", "Gossip", "Ledger", "Crypto", "Locking", "TestSupport"]),
        tests("EventLoopTests", ["EventLoop", "Locking"]),
        tests("JSONTests", ["JSON"]),
        tests("ControlTests", ["Control", "JSON"]),
        tests("ModelTests", ["Model", "Tensor"]),
        tests("SiteFilesTests", ["SiteFiles", "Gossip", "Ledger", "Crypto"]),
        tests("ProgramTests", ["Locking", "TestSupport"]),
        tests(
            "MeshNodeTests",
            [
                "MeshNode", "SiteFiles", "Compression", "Gossip", "Ledger", "Rounds", "Tensor", "Crypto", "EventLoop",
                "Control", "Locking", "TestSupport",
            ]),
        tests(
            "meshctlTests",
            [
                "meshctl", "SiteFiles", "Gossip", "Ledger", "Rounds", "Tensor", "Crypto", "EventLoop", "Control",
                "TestSupport",
            ]),
        tests("meshtrainTests", ["meshtrain", "Model", "Tensor", "Control", "Crypto"]),
        tests("FuzzEntriesTests", ["FuzzEntries"]),
        tests("BenchTests", ["Bench", "Model"]),
        tests("netrelayTests", ["netrelay", "Crypto"]),
        tests("SourceTreeTests", ["TestSupport"]),
        tests("EndToEndTests", ["Ledger", "Tensor", "Crypto", "Control", "Locking", "TestSupport"]),
    ]
)
