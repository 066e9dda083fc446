package dev.cardembed.device

import java.io.File
import java.security.MessageDigest

/** SHA-256 of bytes, 64 hex digits in lower case. */
fun sha256Hex(data: ByteArray): String = hex(MessageDigest.getInstance("SHA-256").digest(data))

/** SHA-256 of a file's bytes, read in pieces. */
fun sha256Hex(file: File): String {
    val digest = MessageDigest.getInstance("SHA-256")
    file.inputStream().use { stream ->
        val buffer = ByteArray(1 shl 16)
        while (true) {
            val count = stream.read(buffer)
            if (count < 0) break
            digest.update(buffer, 0, count)
        }
    }
    return hex(digest.digest())
}

/** The digest of an artefact. On Android it is one file; cardembed/devices/digests.py has the rule for folders. */
fun artefactDigest(file: File): String {
    if (!file.isFile) throw DeviceRunException("missing: ${file.name}")
    return sha256Hex(file)
}

private fun hex(bytes: ByteArray): String =
    bytes.joinToString("") { byte -> (byte.toInt() and 0xff).toString(16).padStart(2, '0') }
