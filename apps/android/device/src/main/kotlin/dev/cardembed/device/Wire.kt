package dev.cardembed.device

import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable

// What travels between host and device, schema version 1: cardembed/devices/wire.py has the same fields, and
// `cardembed device schema` prints them. Times are RFC 3339 in UTC.

/** The version of both contents. */
const val SCHEMA_VERSION = 1
const val REQUEST_KIND = "cardembed-device-request"
const val RESPONSE_KIND = "cardembed-device-response"

/** A file beside the JSON. */
@Serializable
data class WireFile(
    val path: String,
    val sha256: String,
    val bytes: Long,
)

/** The release that is judged. */
@Serializable
data class ReleaseName(
    val name: String,
    val digest: String,
)

/** What is to be executed. */
@Serializable
data class RequestedArtefact(
    val format: String,
    val architecture: String,
    val path: String,
    val sha256: String,
    @SerialName("named_by") val namedBy: String,
    val files: List<WireFile>,
)

/** From a picture to the tensor. */
@Serializable
data class RequestedPreprocessing(
    val size: Int,
    val mean: List<Double>,
    val std: List<Double>,
    val interpolation: String,
)

/** A photo as JPEG; its tensor is the row of the same number. */
@Serializable
data class RequestedPhoto(
    val id: String,
    val file: WireFile,
)

/** All photos' inputs, as the host prepared them. */
@Serializable
data class RequestedTensors(
    val file: WireFile,
    val numbers: String,
    val shape: List<Int>,
)

/** How latency is measured. */
@Serializable
data class LatencyPlan(
    @SerialName("warm_up") val warmUp: Int,
    val samples: Int,
    val seconds: Double,
    @SerialName("max_samples") val maxSamples: Int,
)

/** The content of `request.json`. */
@Serializable
data class DeviceRequest(
    @SerialName("schema_version") val schemaVersion: Int,
    val kind: String,
    @SerialName("request_id") val requestId: String,
    val nonce: String,
    val created: String,
    @SerialName("response_schema_version") val responseSchemaVersion: Int,
    val target: String,
    val release: ReleaseName,
    val artefact: RequestedArtefact,
    val preprocessing: RequestedPreprocessing,
    @SerialName("embedding_dim") val embeddingDim: Int,
    @SerialName("photos_digest") val photosDigest: String,
    val photos: List<RequestedPhoto>,
    val tensors: RequestedTensors,
    val latency: LatencyPlan,
)

/** What executed the request. */
@Serializable
data class AppInfo(
    val kind: String,
    val name: String,
    val version: String,
)

/** Where. */
@Serializable
data class Hardware(
    val model: String,
    val os: String,
    @SerialName("os_version") val osVersion: String,
    val physical: Boolean,
)

/** By what. */
@Serializable
data class RuntimeUsed(
    val name: String,
    val version: String,
    val requested: List<String>,
    val used: List<String>,
)

/** The monotonic clock of the samples. */
@Serializable
data class ClockSpan(
    val name: String,
    @SerialName("started_ns") val startedNs: Long,
    @SerialName("finished_ns") val finishedNs: Long,
)

/** Of the device, by iOS' names. */
@Serializable
data class ThermalStates(
    val before: String,
    val after: String,
)

/** The content of `response.json`. */
@Serializable
data class DeviceResponse(
    @SerialName("schema_version") val schemaVersion: Int,
    val kind: String,
    @SerialName("request_id") val requestId: String,
    val nonce: String,
    @SerialName("request_sha256") val requestSha256: String,
    @SerialName("artefact_sha256") val artefactSha256: String,
    val fidelity: String,
    val app: AppInfo,
    val device: Hardware,
    val runtime: RuntimeUsed,
    val started: String,
    val finished: String,
    val clock: ClockSpan,
    @SerialName("load_ns") val loadNs: Long,
    val thermal: ThermalStates,
    val resize: String,
    val photos: List<String>,
    @SerialName("tensor_embeddings") val tensorEmbeddings: WireFile,
    @SerialName("jpeg_embeddings") val jpegEmbeddings: WireFile,
    @SerialName("warm_up") val warmUp: Int,
    @SerialName("latency_ns") val latencyNs: List<Long>,
)
