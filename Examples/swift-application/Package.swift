// swift-tools-version:6.2
import PackageDescription

let package = Package(
    name: "classify",
    dependencies: [.package(name: "shoal", path: "../..")],
    targets: [
        .executableTarget(name: "classify", dependencies: [.product(name: "Shoal", package: "shoal")])
    ]
)
