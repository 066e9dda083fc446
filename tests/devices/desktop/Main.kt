package dev.cardembed.device

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Stands in for Wire.kt's, which needs a compiler plugin. */
data class LatencyPlan(val warmUp: Int, val samples: Int, val seconds: Double, val maxSamples: Int)

/** RGB bytes to their tensor and to that as a unit vector; the file's digest; how many samples two plans take. */
fun main(args: Array<String>) {
    val raw = File(args[0]).readBytes()
    val pixels = IntArray(raw.size / 3) { index ->
        var pixel = 0xff
        for (channel in 0 until 3) pixel = (pixel shl 8) or (raw[3 * index + channel].toInt() and 0xff)
        pixel
    }
    val tensor = normalised(pixels)
    write(tensor, args[1])
    write(unit(tensor), args[2])
    println(artefactDigest(File(args[0])))
    println(sha256Hex(raw))
    var now = 0L
    println(measureLatency(LatencyPlan(3, 5, 0.02, 1000), 4, { now }, { _ -> now += 1_500_000L }).size)
    println(measureLatency(LatencyPlan(0, 5, 100.0, 7), 4, { now }, { _ -> now += 1_500_000L }).size)
}

private fun write(values: FloatArray, path: String) {
    val buffer = ByteBuffer.allocate(4 * values.size).order(ByteOrder.LITTLE_ENDIAN)
    for (value in values) buffer.putFloat(value)
    File(path).writeBytes(buffer.array())
}
