import CoreGraphics
import CoreImage
import Foundation

/// The model's constants, as every release of the reference and `prd` profiles has them. A request carries its
/// own; a run refuses one whose constants differ, because an app that ships would have these built in.
public enum ModelConstants {
    public static let mean: [Double] = [0.485, 0.456, 0.406]
    public static let std: [Double] = [0.229, 0.224, 0.225]
    public static let embeddingDim = 768
}

/// A decoded picture in memory: RGBA, 8 bits each, rows without padding.
public struct Picture {
    public let width: Int
    public let height: Int
    public let rgba: [UInt8]
}

/// From a JPEG to the tensor by Core Image, as an app on the device would do it.
public final class Preprocessing {
    public static let resize = "Core Image, CILanczosScaleTransform"

    private let size: Int
    // Neither working nor output colour space: bytes stay what the decoder gave, as they do in Pillow.
    private let context = CIContext(options: [.workingColorSpace: NSNull(), .outputColorSpace: NSNull()])

    public init(size: Int) {
        self.size = size
    }

    /// Decode a JPEG at its own size, upright.
    public func decode(_ jpeg: Data) throws -> Picture {
        guard let image = CIImage(data: jpeg, options: [.applyOrientationProperty: true, .colorSpace: NSNull()]) else {
            throw DeviceRunError.unreadable("a photo")
        }
        let width = Int(image.extent.width), height = Int(image.extent.height)
        return Picture(width: width, height: height, rgba: render(image, width: width, height: height))
    }

    /// Resize (squashed to the square), then (x / 255 − mean) / std, in channels of R, G, B.
    public func tensor(of picture: Picture) -> [Float] {
        let source = CIImage(
            bitmapData: Data(picture.rgba),
            bytesPerRow: 4 * picture.width,
            size: CGSize(width: picture.width, height: picture.height),
            format: .RGBA8,
            colorSpace: nil
        )
        let scale = CGFloat(size) / CGFloat(picture.height)
        let aspect = (CGFloat(size) / CGFloat(picture.width)) / scale
        // Pixels beyond the edge repeat the edge: without the clamp they would be transparent black.
        let scaled = source.clampedToExtent().applyingFilter(
            "CILanczosScaleTransform", parameters: [kCIInputScaleKey: scale, kCIInputAspectRatioKey: aspect]
        )
        return normalised(render(scaled, width: size, height: size))
    }

    /// (3, size, size) from RGBA bytes.
    public func normalised(_ rgba: [UInt8]) -> [Float] {
        let plane = size * size
        var out = [Float](repeating: 0, count: 3 * plane)
        for channel in 0..<3 {
            let scale = Float(1 / (255 * ModelConstants.std[channel]))
            let shift = Float(-ModelConstants.mean[channel] / ModelConstants.std[channel])
            for pixel in 0..<plane {
                out[channel * plane + pixel] = Float(rgba[4 * pixel + channel]) * scale + shift
            }
        }
        return out
    }

    private func render(_ image: CIImage, width: Int, height: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 4 * width * height)
        let bounds = CGRect(x: image.extent.isInfinite ? 0 : image.extent.minX,
                            y: image.extent.isInfinite ? 0 : image.extent.minY,
                            width: CGFloat(width), height: CGFloat(height))
        context.render(
            image, toBitmap: &bytes, rowBytes: 4 * width, bounds: bounds, format: .RGBA8, colorSpace: nil
        )
        return bytes
    }
}
