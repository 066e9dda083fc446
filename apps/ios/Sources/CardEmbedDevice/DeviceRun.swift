import CoreML
import Foundation

/// Executes a request's folder and writes the response's.
public struct DeviceRun {
    public static let appName = "cardembed apps/ios"
    public static let appVersion = "1.0.0"

    private let folder: URL
    private let request: DeviceRequest
    private let requestSha256: String

    /// Read `request.json`.
    public init(request folder: URL) throws {
        let data = try Data(contentsOf: folder.appendingPathComponent("request.json"))
        self.folder = folder
        self.request = try JSONDecoder().decode(DeviceRequest.self, from: data)
        self.requestSha256 = sha256Hex(data)
        guard request.schemaVersion == schemaVersion, request.responseSchemaVersion == schemaVersion,
              request.kind == requestKind, request.target == "ios"
        else {
            throw DeviceRunError.unfit("a request of another schema or target")
        }
        guard request.preprocessing.mean == ModelConstants.mean, request.preprocessing.std == ModelConstants.std,
              request.embeddingDim == ModelConstants.embeddingDim
        else {
            throw DeviceRunError.unfit("a request with another preprocessing than the app has")
        }
    }

    /// Execute, and write response.json with both files of embeddings into `out`.
    public func execute(into out: URL, units: MLComputeUnits = .all) async throws {
        let started = Date(), began = monotonicNs(), thermalBefore = thermalState()
        let size = request.preprocessing.size
        let tensors = try floats(checked(request.tensors.file))
        guard tensors.count == request.photos.count * 3 * size * size else {
            throw DeviceRunError.unfit("tensors of another shape than the photos")
        }
        let preprocessing = Preprocessing(size: size)
        // Core ML and Core Image leave autoreleased objects behind. Nothing frees them before this run, which does
        // not return to a run loop, ends: every picture has a pool of its own, or a phone runs out of memory.
        let pictures = try request.photos.map { photo in
            try autoreleasepool { try preprocessing.decode(checked(photo.file)) }
        }
        let artefact = folder.appendingPathComponent(request.artefact.path)
        let digest = try artefactDigest(at: artefact)
        guard digest == request.artefact.sha256 else { throw DeviceRunError.changed(request.artefact.path) }
        let (executor, compiled, loadNs) = try await Executor.load(artefact, size: size, units: units)
        let used = try await plannedUnits(compiled, units: units)

        let length = 3 * size * size
        let fromTensors = try (0..<pictures.count).map { row in
            try autoreleasepool { try executor.embed(Array(tensors[row * length..<(row + 1) * length])) }
        }
        let fromJpegs = try pictures.map { picture in
            try autoreleasepool { try executor.embed(preprocessing.tensor(of: picture)) }
        }
        let samples = try latency(executor, preprocessing, pictures)

        try FileManager.default.createDirectory(at: out, withIntermediateDirectories: true)
        let version = ProcessInfo.processInfo.operatingSystemVersion
        let system = "\(version.majorVersion).\(version.minorVersion).\(version.patchVersion)"
        let response = DeviceResponse(
            schemaVersion: schemaVersion,
            kind: responseKind,
            requestId: request.requestId,
            nonce: request.nonce,
            requestSha256: requestSha256,
            artefactSha256: digest,
            fidelity: Platform.fidelity,
            app: AppInfo(kind: Platform.kind, name: Self.appName, version: Self.appVersion),
            device: Hardware(
                model: machineModel(), os: Platform.system, osVersion: system, physical: Platform.physical
            ),
            // Core ML comes with the system and has its version.
            runtime: RuntimeUsed(name: "Core ML", version: system, requested: requestedUnits(units), used: used),
            started: timestamp(started),
            finished: timestamp(Date()),
            clock: ClockSpan(name: monotonicClock, startedNs: began, finishedNs: monotonicNs()),
            loadNs: loadNs,
            thermal: ThermalStates(before: thermalBefore, after: thermalState()),
            resize: Preprocessing.resize,
            photos: request.photos.map(\.id),
            tensorEmbeddings: try write(fromTensors, "tensor-embeddings.f32", into: out),
            jpegEmbeddings: try write(fromJpegs, "jpeg-embeddings.f32", into: out),
            warmUp: request.latency.warmUp,
            latencyNs: samples
        )
        try JSONEncoder().encode(response).write(to: out.appendingPathComponent("response.json"))
    }

    /// Single pictures in memory, one after the other, to their unit vectors; nanoseconds each.
    private func latency(
        _ executor: Executor, _ preprocessing: Preprocessing, _ pictures: [Picture]
    ) throws -> [Int] {
        let plan = request.latency
        for number in 0..<plan.warmUp {
            _ = try autoreleasepool { try executor.embed(preprocessing.tensor(of: pictures[number % pictures.count])) }
        }
        let least = Int(plan.seconds * 1e9)
        var samples: [Int] = [], total = 0
        while samples.count < plan.maxSamples, samples.count < plan.samples || total < least {
            let picture = pictures[samples.count % pictures.count]
            let sample: Int = try autoreleasepool {  // the pool is emptied when the time is taken already
                let before = monotonicNs()
                _ = try executor.embed(preprocessing.tensor(of: picture))
                return monotonicNs() - before
            }
            samples.append(sample)
            total += sample
        }
        return samples
    }

    private func checked(_ file: WireFile) throws -> Data {
        let data = try Data(contentsOf: folder.appendingPathComponent(file.path))
        guard data.count == file.bytes, sha256Hex(data) == file.sha256 else {
            throw DeviceRunError.changed(file.path)
        }
        return data
    }

    private func floats(_ data: Data) -> [Float] {
        data.withUnsafeBytes { bytes in  // Apple's processors are little-endian, as the file is
            (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }

    private func write(_ rows: [[Float]], _ name: String, into out: URL) throws -> WireFile {
        let data = rows.flatMap { $0 }.withUnsafeBytes { Data($0) }
        try data.write(to: out.appendingPathComponent(name))
        return WireFile(path: name, sha256: sha256Hex(data), bytes: data.count)
    }
}
