package dev.cardembed.device

/**
 * Single pictures, one after the other; nanoseconds each, until there are enough samples and enough time.
 *
 * @param now A monotonic clock in nanoseconds.
 * @param once Executes the picture of this number, from decoded pixels to the unit vector.
 */
fun measureLatency(plan: LatencyPlan, pictures: Int, now: () -> Long, once: (Int) -> Unit): List<Long> {
    for (number in 0 until plan.warmUp) once(number % pictures)
    val least = (plan.seconds * 1e9).toLong()
    val samples = ArrayList<Long>()
    var total = 0L
    while (samples.size < plan.maxSamples && (samples.size < plan.samples || total < least)) {
        val picture = samples.size % pictures
        val before = now()
        once(picture)
        val sample = now() - before
        samples.add(sample)
        total += sample
    }
    return samples
}
