import CardEmbedDevice
import CoreML
import XCTest

/// Executes the request in the folder `Request`: `xcodebuild test -scheme DeviceRun -destination 'id=…'`.
final class DeviceRunTests: XCTestCase {
    func testExecutesTheRequest() async throws {
        let out = try documents().appendingPathComponent("response", isDirectory: true)
        try? FileManager.default.removeItem(at: out)
        try await DeviceRun(request: try requestFolder()).execute(into: out, units: try computeUnits())
        for name in ["response.json", "tensor-embeddings.f32", "jpeg-embeddings.f32"] {
            let attachment = XCTAttachment(contentsOfFile: out.appendingPathComponent(name))
            attachment.name = name
            attachment.lifetime = .keepAlways
            add(attachment)
        }
    }

    func testDigestsAreThoseOfSha256sum() throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString + ".mlpackage")
        defer { try? FileManager.default.removeItem(at: root) }
        let data = root.appendingPathComponent("Data", isDirectory: true)
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: root.appendingPathComponent("Manifest.json"))
        try Data("123".utf8).write(to: data.appendingPathComponent("weight.bin"))
        let lines = "\(sha256Hex(Data("123".utf8)))  Data/weight.bin\n\(sha256Hex(Data("{}".utf8)))  Manifest.json\n"
        XCTAssertEqual(try artefactDigest(at: root), sha256Hex(Data(lines.utf8)))
    }

    /// What Core ML may use: `CARDEMBED_COMPUTE_UNITS`, all without. xcodebuild passes a variable on to the test
    /// where its name has the prefix `TEST_RUNNER_`.
    private func computeUnits() throws -> MLComputeUnits {
        let known: [String: MLComputeUnits] = [
            "ALL": .all, "CPU_ONLY": .cpuOnly, "CPU_AND_GPU": .cpuAndGPU, "CPU_AND_NE": .cpuAndNeuralEngine,
        ]
        guard let name = ProcessInfo.processInfo.environment["CARDEMBED_COMPUTE_UNITS"] else { return .all }
        return try XCTUnwrap(
            known[name],
            "CARDEMBED_COMPUTE_UNITS: expected \(known.keys.sorted().joined(separator: ", ")), found \(name)"
        )
    }

    private func requestFolder() throws -> URL {
        if let path = ProcessInfo.processInfo.environment["CARDEMBED_REQUEST"] {  // on a Mac: swift test
            return URL(fileURLWithPath: path, isDirectory: true)
        }
        return try XCTUnwrap(
            Bundle(for: Self.self).url(forResource: "Request", withExtension: nil),
            "unzip request.zip into apps/ios/Request and run xcodegen again"
        )
    }

    private func documents() throws -> URL {
        if let path = ProcessInfo.processInfo.environment["CARDEMBED_RESPONSE"] {
            return URL(fileURLWithPath: path, isDirectory: true)
        }
        return try FileManager.default.url(
            for: .documentDirectory, in: .userDomainMask, appropriateFor: nil, create: true
        )
    }
}
