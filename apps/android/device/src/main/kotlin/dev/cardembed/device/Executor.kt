package dev.cardembed.device

import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtSession
import java.io.File
import java.nio.FloatBuffer

/** ONNX Runtime on one artefact: a tensor in, a unit vector out. */
class Executor private constructor(
    private val environment: OrtEnvironment,
    private val session: OrtSession,
    private val size: Int,
) : AutoCloseable {
    private val input = session.inputNames.single()

    /** One picture's tensor, (3, size, size), to its embedding of norm 1. */
    fun embed(tensor: FloatArray): FloatArray {
        val shape = longArrayOf(1, 3, size.toLong(), size.toLong())
        OnnxTensor.createTensor(environment, FloatBuffer.wrap(tensor), shape).use { value ->
            session.run(mapOf(input to value)).use { result ->
                val buffer = (result.get(0) as OnnxTensor).floatBuffer
                val out = FloatArray(buffer.remaining())
                buffer.get(out)
                if (out.size != ModelConstants.EMBEDDING_DIM) {
                    throw DeviceRunException("an output of ${out.size} numbers")
                }
                return unit(out)
            }
        }
    }

    override fun close() = session.close()

    companion object {
        /** Load from a file, on the providers that are asked for ("CPU" or "XNNPACK"; the CPU takes the rest). */
        fun load(artefact: File, size: Int, providers: List<String>): Executor {
            val environment = OrtEnvironment.getEnvironment()
            options(providers).use { options ->
                return Executor(environment, environment.createSession(artefact.path, options), size)
            }
        }

        /** The providers that nodes ran on, by ONNX Runtime's own profile of one run. */
        fun providersUsed(artefact: File, size: Int, providers: List<String>, folder: File): List<String> {
            val environment = OrtEnvironment.getEnvironment()
            options(providers).use { options ->
                options.enableProfiling(File(folder, "profile").path)
                environment.createSession(artefact.path, options).use { session ->
                    Executor(environment, session, size).embed(FloatArray(3 * size * size))
                    val profile = File(session.endProfiling())
                    return providersIn(profile.readText()).also { profile.delete() }
                }
            }
        }

        /** ONNX Runtime's version. */
        fun version(): String = OrtEnvironment.getEnvironment().version

        private fun options(providers: List<String>): OrtSession.SessionOptions {
            val options = OrtSession.SessionOptions()
            for (provider in providers) {
                when (provider) {
                    "CPU" -> Unit // always there
                    "XNNPACK" -> options.addXnnpack(emptyMap())
                    else -> throw DeviceRunException("unknown provider: $provider")
                }
            }
            return options
        }
    }
}

/** The short names of the providers in a profile: "CPUExecutionProvider" is "CPU". */
fun providersIn(profile: String): List<String> =
    Regex("\"provider\"\\s*:\\s*\"(\\w+?)ExecutionProvider\"")
        .findAll(profile)
        .map { match -> match.groupValues[1].uppercase() }
        .distinct()
        .sorted()
        .toList()
