package dev.cardembed.device

import android.content.Context
import android.os.SystemClock
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.time.Instant
import kotlinx.serialization.json.Json

/** Executes a request's folder and writes the response's. */
class DeviceRun(private val context: Context, private val folder: File) {
    private val requestBytes = File(folder, "request.json").readBytes()
    private val request = Json.decodeFromString(DeviceRequest.serializer(), requestBytes.decodeToString())

    init {
        if (request.schemaVersion != SCHEMA_VERSION || request.responseSchemaVersion != SCHEMA_VERSION ||
            request.kind != REQUEST_KIND || request.target != "android"
        ) {
            throw DeviceRunException("a request of another schema or target")
        }
        if (request.preprocessing.mean != ModelConstants.mean || request.preprocessing.std != ModelConstants.std ||
            request.embeddingDim != ModelConstants.EMBEDDING_DIM
        ) {
            throw DeviceRunException("a request with another preprocessing than the app has")
        }
    }

    /** Execute, and write response.json with both files of embeddings into `out`. */
    fun execute(out: File, providers: List<String>) {
        val started = Instant.now()
        val began = SystemClock.elapsedRealtimeNanos()
        val thermalBefore = thermalState(context)
        val size = request.preprocessing.size
        val tensors = tensors(size)
        val preprocessing = Preprocessing(size)
        val pictures = request.photos.map { photo -> preprocessing.decode(checked(photo.file)) }
        val artefact = File(folder, request.artefact.path)
        val digest = artefactDigest(artefact)
        if (digest != request.artefact.sha256) throw DeviceRunException("other bytes: ${request.artefact.path}")
        val loading = SystemClock.elapsedRealtimeNanos()
        Executor.load(artefact, size, providers).use { executor ->
            val loadNs = SystemClock.elapsedRealtimeNanos() - loading
            val fromTensors = tensors.map { tensor -> executor.embed(tensor) }
            val fromJpegs = pictures.map { picture -> executor.embed(preprocessing.tensor(picture)) }
            val samples =
                measureLatency(request.latency, pictures.size, SystemClock::elapsedRealtimeNanos) { number ->
                    executor.embed(preprocessing.tensor(pictures[number]))
                }
            // It loads the model once more: before, it would make load time that of a file in memory.
            val used = Executor.providersUsed(artefact, size, providers, context.cacheDir)
            out.mkdirs()
            val response =
                DeviceResponse(
                    schemaVersion = SCHEMA_VERSION,
                    kind = RESPONSE_KIND,
                    requestId = request.requestId,
                    nonce = request.nonce,
                    requestSha256 = sha256Hex(requestBytes),
                    artefactSha256 = digest,
                    fidelity = if (isPhysical()) "device" else "emulated",
                    app = AppInfo(kind = "android", name = APP_NAME, version = APP_VERSION),
                    device = hardware(),
                    runtime = RuntimeUsed("onnxruntime", Executor.version(), providers, used),
                    started = started.toString(),
                    finished = Instant.now().toString(),
                    clock = ClockSpan("elapsedRealtimeNanos", began, SystemClock.elapsedRealtimeNanos()),
                    loadNs = loadNs,
                    thermal = ThermalStates(thermalBefore, thermalState(context)),
                    resize = Preprocessing.RESIZE,
                    photos = request.photos.map { photo -> photo.id },
                    tensorEmbeddings = write(fromTensors, "tensor-embeddings.f32", out),
                    jpegEmbeddings = write(fromJpegs, "jpeg-embeddings.f32", out),
                    warmUp = request.latency.warmUp,
                    latencyNs = samples,
                )
            File(out, "response.json").writeText(Json.encodeToString(DeviceResponse.serializer(), response))
        }
    }

    private fun tensors(size: Int): List<FloatArray> {
        val data = checked(request.tensors.file)
        val length = 3 * size * size
        if (data.size != 4 * length * request.photos.size) {
            throw DeviceRunException("tensors of another shape than the photos")
        }
        val floats = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        return request.photos.map { FloatArray(length).also { row -> floats.get(row) } }
    }

    private fun checked(file: WireFile): ByteArray {
        val data = File(folder, file.path).readBytes()
        if (data.size.toLong() != file.bytes || sha256Hex(data) != file.sha256) {
            throw DeviceRunException("other bytes than the request names: ${file.path}")
        }
        return data
    }

    private fun write(rows: List<FloatArray>, name: String, out: File): WireFile {
        val buffer = ByteBuffer.allocate(4 * rows.sumOf { row -> row.size }).order(ByteOrder.LITTLE_ENDIAN)
        for (row in rows) for (value in row) buffer.putFloat(value)
        File(out, name).writeBytes(buffer.array())
        return WireFile(name, sha256Hex(buffer.array()), buffer.capacity().toLong())
    }

    companion object {
        const val APP_NAME = "cardembed apps/android"
        const val APP_VERSION = "1.0.0"
    }
}
