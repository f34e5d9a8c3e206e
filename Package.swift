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

        // The modules, in the order in which data flows; architecture.md has the table, SourceTreeTests enforces it.
        library("System"),
        library("Crypto", ["CSodium", "System"]),
        library("Tensor", ["CKernels", "Crypto", "System"]),
        library("Ledger", ["Crypto"]),
        library("Compression", ["CZstd"]),
        library("Rounds", ["Ledger", "Tensor", "Crypto", "System"]),
        library("Link", ["Ledger", "Crypto"]),
        library("Gossip", ["Link", "Ledger", "Crypto"]),
        library("Simulator", ["Gossip", "Link", "Ledger", "Rounds", "Tensor", "Crypto"]),
        library("EventLoop", ["CUV", "System"]),
        library("JSON"),
        library("Control", ["JSON", "EventLoop"]),
        library("Model", ["Tensor", "JSON", "System", "CBLAS", "CKernels"]),
        library("SiteFiles", ["Gossip", "Ledger", "Crypto", "EventLoop", "System", toml]),
        library("Program", ["CArguments", arguments]),
        library(
            "FuzzEntries", ["Crypto", "Tensor", "Ledger", "Rounds", "Link", "Gossip", "Compression", "Control"]),

        executable(
            "MeshNode",
            [
                "Crypto", "Tensor", "Ledger", "Rounds", "Link", "Gossip", "Compression", "EventLoop", "Control",
                "SiteFiles",
                "Program", "System", arguments, logging, sqlite,
            ]),
        executable(
            "meshctl",
            [
                "Control", "EventLoop", "Ledger", "Rounds", "Tensor", "Crypto", "SiteFiles", "Program", "System",
                arguments,
            ]),
        executable("meshtrain", ["Model", "Tensor", "Crypto", "Control", "EventLoop", "Program", "System", arguments]),
        executable("meshsim", ["Simulator", "Program", "System", arguments]),
        // Test equipment: a bad network between daemons. Never part of a mesh.
        executable("netrelay", ["Crypto", "Program", arguments]),
        executable(
            "Bench",
            [
                "Crypto", "Tensor", "Ledger", "Rounds", "Link", "Gossip", "Simulator", "Model", "Compression",
                "Control",
                "EventLoop", "Program", "System", arguments,
            ]),

        // What several bundles of tests share.
        .target(name: "CTestKit", path: "Tests/CTestKit"),
        .target(
            name: "TestKit", dependencies: ["CTestKit", "Crypto", "Ledger", "System"], path: "Tests/TestKit",
            swiftSettings: strict),

        tests("SystemTests", ["System", "TestKit"]),
        tests("CryptoTests", ["Crypto", "System", "TestKit"], resources: [.copy("Vectors")]),
        tests(
            "TensorTests", ["Tensor", "CKernels", "Crypto", "System", "FuzzEntries", "TestKit"], areOptimized: true),
        tests("LedgerTests", ["Ledger", "Crypto", "TestKit"], resources: [.copy("Fixtures")]),
        tests("CompressionTests", ["Compression"]),
        tests("RoundsTests", ["Rounds", "Ledger", "Tensor", "Crypto", "TestKit"], areOptimized: true),
        tests("LinkTests", ["Link", "Ledger", "Crypto", "TestKit"]),
        tests("GossipTests", ["Gossip", "Link", "Ledger", "Crypto", "TestKit"]),
        tests("SimulatorTests", ["Simulator", "Gossip", "Link", "Ledger", "Crypto", "System", "TestKit"]),
        tests("EventLoopTests", ["EventLoop", "System"]),
        tests("JSONTests", ["JSON"]),
        tests("ControlTests", ["Control", "JSON"]),
        tests("ModelTests", ["Model", "Tensor"]),
        tests("SiteFilesTests", ["SiteFiles", "Gossip", "Ledger", "Crypto", "TestKit"]),
        tests("ProgramTests", ["System", "TestKit"]),
        tests(
            "MeshNodeTests",
            [
                "MeshNode", "SiteFiles", "Compression", "Link", "Gossip", "Ledger", "Rounds", "Tensor", "Crypto",
                "EventLoop",
                "Control", "System", "TestKit",
            ]),
        tests(
            "meshctlTests",
            [
                "meshctl", "SiteFiles", "Link", "Gossip", "Ledger", "Rounds", "Tensor", "Crypto", "EventLoop",
                "Control",
                "System", "TestKit",
            ]),
        tests("meshtrainTests", ["meshtrain", "Model", "Tensor", "Control", "Crypto", "System", "TestKit"]),
        tests("FuzzEntriesTests", ["FuzzEntries"]),
        tests("BenchTests", ["Bench", "Model"]),
        tests("netrelayTests", ["netrelay", "Crypto"]),
        tests("SourceTreeTests", ["TestKit"]),
        tests("EndToEndTests", ["Ledger", "Tensor", "Crypto", "Control", "System", "TestKit"]),
    ]
)
