package dev.cardembed.device

import android.graphics.Bitmap
import android.graphics.ColorSpace
import android.graphics.ImageDecoder
import java.nio.ByteBuffer

/** From a JPEG to the tensor by Android's own decoder and scaler, as an app on the device would do it. */
class Preprocessing(private val size: Int) {
    /** Decode at its own size, upright (ImageDecoder applies the EXIF orientation), in memory. */
    fun decode(jpeg: ByteArray): Bitmap =
        ImageDecoder.decodeBitmap(ImageDecoder.createSource(ByteBuffer.wrap(jpeg))) { decoder, _, _ ->
            decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE
            decoder.setTargetColorSpace(ColorSpace.get(ColorSpace.Named.SRGB))
        }

    /** Resize (squashed to the square), then normalise. */
    fun tensor(picture: Bitmap): FloatArray {
        val scaled = Bitmap.createScaledBitmap(picture, size, size, true)
        val pixels = IntArray(size * size)
        scaled.getPixels(pixels, 0, size, 0, 0, size, size)
        return normalised(pixels)
    }

    companion object {
        const val RESIZE = "android.graphics: ImageDecoder, Bitmap.createScaledBitmap with filter"
    }
}
