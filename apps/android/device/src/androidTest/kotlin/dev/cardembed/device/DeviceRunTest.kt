package dev.cardembed.device

import android.content.res.AssetManager
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith

/** Executes the request in src/androidTest/assets/request: `gradle :device:connectedDebugAndroidTest`. */
@RunWith(AndroidJUnit4::class)
class DeviceRunTest {
    private val context = InstrumentationRegistry.getInstrumentation().context
    private val arguments = InstrumentationRegistry.getArguments()

    @Test
    fun executesTheRequest() {
        val request = File(context.cacheDir, "request")
        request.deleteRecursively()
        copy(context.assets, "request", request)
        // Gradle's plugin fetches what lies in this folder when the test has ended.
        val out = File(checkNotNull(arguments.getString("additionalTestOutputDir")), "response")
        out.deleteRecursively()
        val providers = arguments.getString("providers", "CPU").split(",")
        DeviceRun(context, request).execute(out, providers)
        assertEquals(3, checkNotNull(out.list()).size)
    }

    @Test
    fun normalisesRedGreenAndBlue() {
        val tensor = normalised(intArrayOf(0xff000000.toInt() or (255 shl 16) or (128 shl 8)))
        assertEquals((1 - 0.485) / 0.229, tensor[0].toDouble(), 1e-6)
        assertEquals((128 / 255.0 - 0.456) / 0.224, tensor[1].toDouble(), 1e-6)
        assertEquals(-0.406 / 0.225, tensor[2].toDouble(), 1e-6)
    }

    private fun copy(assets: AssetManager, path: String, target: File) {
        val names = checkNotNull(assets.list(path))
        if (names.isEmpty()) {
            assets.open(path).use { source -> target.outputStream().use { source.copyTo(it) } }
            return
        }
        target.mkdirs()
        for (name in names) copy(assets, "$path/$name", File(target, name))
    }
}
