package dev.cardembed.device

import kotlin.math.sqrt

/**
 * The model's constants, as every release of the reference and `prd` profiles has them. A request carries its
 * own; a run refuses one whose constants differ, because an app that ships would have these built in.
 */
object ModelConstants {
    val mean: List<Double> = listOf(0.485, 0.456, 0.406)
    val std: List<Double> = listOf(0.229, 0.224, 0.225)
    const val EMBEDDING_DIM = 768
}

/** (3, size, size) in channels of R, G, B from Android's 0xAARRGGBB pixels: (x / 255 − mean) / std. */
fun normalised(pixels: IntArray): FloatArray {
    val plane = pixels.size
    val out = FloatArray(3 * plane)
    for (channel in 0 until 3) {
        val scale = (1 / (255 * ModelConstants.std[channel])).toFloat()
        val shift = (-ModelConstants.mean[channel] / ModelConstants.std[channel]).toFloat()
        val bits = 16 - 8 * channel
        for (index in 0 until plane) {
            out[channel * plane + index] = ((pixels[index] shr bits) and 0xff) * scale + shift
        }
    }
    return out
}

/** Scaled to norm 1, computed in float64. */
fun unit(values: FloatArray): FloatArray {
    var sum = 0.0
    for (value in values) sum += value.toDouble() * value.toDouble()
    val norm = sqrt(sum)
    return FloatArray(values.size) { index -> (values[index] / norm).toFloat() }
}
