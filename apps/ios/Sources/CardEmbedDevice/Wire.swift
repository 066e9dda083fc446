import Foundation

// What travels between host and device, schema version 1: cardembed/devices/wire.py has the same fields, and
// `cardembed device schema` prints them. Times are RFC 3339 in UTC.

/// The version of both contents.
public let schemaVersion = 1
public let requestKind = "cardembed-device-request"
public let responseKind = "cardembed-device-response"

/// A file beside the JSON.
public struct WireFile: Codable {
    public let path: String
    public let sha256: String
    public let bytes: Int

    enum CodingKeys: String, CodingKey {
        case path
        case sha256
        case bytes
    }
}

/// The release that is judged.
public struct ReleaseName: Decodable {
    public let name: String
    public let digest: String

    enum CodingKeys: String, CodingKey {
        case name
        case digest
    }
}

/// What is to be executed.
public struct RequestedArtefact: Decodable {
    public let format: String
    public let architecture: String
    public let path: String
    public let sha256: String
    public let namedBy: String
    public let files: [WireFile]

    enum CodingKeys: String, CodingKey {
        case format
        case architecture
        case path
        case sha256
        case namedBy = "named_by"
        case files
    }
}

/// From a picture to the tensor.
public struct RequestedPreprocessing: Decodable {
    public let size: Int
    public let mean: [Double]
    public let std: [Double]
    public let interpolation: String

    enum CodingKeys: String, CodingKey {
        case size
        case mean
        case std
        case interpolation
    }
}

/// A photo as JPEG; its tensor is the row of the same number.
public struct RequestedPhoto: Decodable {
    public let id: String
    public let file: WireFile

    enum CodingKeys: String, CodingKey {
        case id
        case file
    }
}

/// All photos' inputs, as the host prepared them.
public struct RequestedTensors: Decodable {
    public let file: WireFile
    public let numbers: String
    public let shape: [Int]

    enum CodingKeys: String, CodingKey {
        case file
        case numbers
        case shape
    }
}

/// How latency is measured.
public struct LatencyPlan: Decodable {
    public let warmUp: Int
    public let samples: Int
    public let seconds: Double
    public let maxSamples: Int

    enum CodingKeys: String, CodingKey {
        case warmUp = "warm_up"
        case samples
        case seconds
        case maxSamples = "max_samples"
    }
}

/// The content of `request.json`.
public struct DeviceRequest: Decodable {
    public let schemaVersion: Int
    public let kind: String
    public let requestId: String
    public let nonce: String
    public let created: String
    public let responseSchemaVersion: Int
    public let target: String
    public let release: ReleaseName
    public let artefact: RequestedArtefact
    public let preprocessing: RequestedPreprocessing
    public let embeddingDim: Int
    public let photosDigest: String
    public let photos: [RequestedPhoto]
    public let tensors: RequestedTensors
    public let latency: LatencyPlan

    enum CodingKeys: String, CodingKey {
        case schemaVersion = "schema_version"
        case kind
        case requestId = "request_id"
        case nonce
        case created
        case responseSchemaVersion = "response_schema_version"
        case target
        case release
        case artefact
        case preprocessing
        case embeddingDim = "embedding_dim"
        case photosDigest = "photos_digest"
        case photos
        case tensors
        case latency
    }
}

/// What executed the request.
public struct AppInfo: Encodable {
    public let kind: String
    public let name: String
    public let version: String

    enum CodingKeys: String, CodingKey {
        case kind
        case name
        case version
    }
}

/// Where.
public struct Hardware: Encodable {
    public let model: String
    public let os: String
    public let osVersion: String
    public let physical: Bool

    enum CodingKeys: String, CodingKey {
        case model
        case os
        case osVersion = "os_version"
        case physical
    }
}

/// By what.
public struct RuntimeUsed: Encodable {
    public let name: String
    public let version: String
    public let requested: [String]
    public let used: [String]

    enum CodingKeys: String, CodingKey {
        case name
        case version
        case requested
        case used
    }
}

/// The monotonic clock of the samples.
public struct ClockSpan: Encodable {
    public let name: String
    public let startedNs: Int
    public let finishedNs: Int

    enum CodingKeys: String, CodingKey {
        case name
        case startedNs = "started_ns"
        case finishedNs = "finished_ns"
    }
}

/// Of the device, by iOS' names.
public struct ThermalStates: Encodable {
    public let before: String
    public let after: String

    enum CodingKeys: String, CodingKey {
        case before
        case after
    }
}

/// The content of `response.json`.
public struct DeviceResponse: Encodable {
    public let schemaVersion: Int
    public let kind: String
    public let requestId: String
    public let nonce: String
    public let requestSha256: String
    public let artefactSha256: String
    public let fidelity: String
    public let app: AppInfo
    public let device: Hardware
    public let runtime: RuntimeUsed
    public let started: String
    public let finished: String
    public let clock: ClockSpan
    public let loadNs: Int
    public let thermal: ThermalStates
    public let resize: String
    public let photos: [String]
    public let tensorEmbeddings: WireFile
    public let jpegEmbeddings: WireFile
    public let warmUp: Int
    public let latencyNs: [Int]

    enum CodingKeys: String, CodingKey {
        case schemaVersion = "schema_version"
        case kind
        case requestId = "request_id"
        case nonce
        case requestSha256 = "request_sha256"
        case artefactSha256 = "artefact_sha256"
        case fidelity
        case app
        case device
        case runtime
        case started
        case finished
        case clock
        case loadNs = "load_ns"
        case thermal
        case resize
        case photos
        case tensorEmbeddings = "tensor_embeddings"
        case jpegEmbeddings = "jpeg_embeddings"
        case warmUp = "warm_up"
        case latencyNs = "latency_ns"
    }
}
