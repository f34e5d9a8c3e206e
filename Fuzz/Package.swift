// swift-tools-version: 6.2
import PackageDescription

/// One libFuzzer program for all entries of the library `FuzzEntries`. See README.md beside this file.
let package = Package(
    name: "Fuzz",
    dependencies: [.package(name: "mesh", path: "..")],
    targets: [
        .executableTarget(
            name: "Fuzz", dependencies: [.product(name: "FuzzEntries", package: "mesh")],
            swiftSettings: [.unsafeFlags(["-parse-as-library"])])
    ]
)
