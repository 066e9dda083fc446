// swift-tools-version: 5.9
import PackageDescription

// The package builds the same sources for a Mac; project.yml builds the test target that an iPhone executes.
let package = Package(
    name: "CardEmbedDevice",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "CardEmbedDevice", targets: ["CardEmbedDevice"])],
    targets: [
        .target(name: "CardEmbedDevice"),
        .testTarget(name: "CardEmbedDeviceTests", dependencies: ["CardEmbedDevice"]),
    ]
)
