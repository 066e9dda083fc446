package dev.cardembed.device

import android.content.Context
import android.os.Build
import android.os.PowerManager

/** The thermal state, by the names of the response. */
fun thermalState(context: Context): String {
    val power = context.getSystemService(Context.POWER_SERVICE) as PowerManager
    return when (power.currentThermalStatus) {
        PowerManager.THERMAL_STATUS_NONE -> "nominal"
        PowerManager.THERMAL_STATUS_LIGHT, PowerManager.THERMAL_STATUS_MODERATE -> "fair"
        PowerManager.THERMAL_STATUS_SEVERE -> "serious"
        else -> "critical"
    }
}

/** Whether this is hardware: emulators name their own. */
fun isPhysical(): Boolean = Build.HARDWARE !in setOf("goldfish", "ranchu", "cutf_cvm")

/** The machine. */
fun hardware(): Hardware =
    Hardware(
        model = "${Build.MANUFACTURER} ${Build.MODEL} (${Build.DEVICE})",
        os = "Android",
        osVersion = "${Build.VERSION.RELEASE} (API ${Build.VERSION.SDK_INT})",
        physical = isPhysical(),
    )
