// swift-tools-version: 6.2
import PackageDescription

/// One libFuzzer program a parser of bytes from outside. See README.md beside this file.
func fuzzer(_ name: String, _ libraries: [String]) -> Target {
    .executableTarget(
        name: name, dependencies: libraries.map { .product(name: $0, package: "mesh") },
        swiftSettings: [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
    name: "Fuzz",
    dependencies: [.package(name: "mesh", path: "..")],
    targets: [
        fuzzer("FuzzRecords", ["Ledger", "Crypto"]),
        fuzzer("FuzzControl", ["Control"]),
        fuzzer("FuzzPayload", ["Tensor"]),
        fuzzer("FuzzLink", ["Gossip", "Ledger", "Crypto"]),
    ]
)
