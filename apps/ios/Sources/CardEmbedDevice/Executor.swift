import CoreML
import Foundation

/// Core ML on one artefact: a tensor in, a unit vector out.
public final class Executor {
    private let model: MLModel
    private let input: String
    private let output: String
    private let size: Int
    private let inputType: MLMultiArrayDataType

    /// Compile (where it is no compiled model yet) and load; `loadNs` is what both take.
    public static func load(
        _ artefact: URL, size: Int, units: MLComputeUnits
    ) async throws -> (executor: Executor, compiled: URL, loadNs: Int) {
        let before = monotonicNs()
        let compiled = try await MLModel.compileModel(at: artefact)
        let configuration = MLModelConfiguration()
        configuration.computeUnits = units
        let model = try await MLModel.load(contentsOf: compiled, configuration: configuration)
        let loadNs = monotonicNs() - before
        return (try Executor(model, size: size), compiled, loadNs)
    }

    private init(_ model: MLModel, size: Int) throws {
        let inputs = model.modelDescription.inputDescriptionsByName
        let outputs = model.modelDescription.outputDescriptionsByName
        guard inputs.count == 1, outputs.count == 1,
              let entry = inputs.first, let exit = outputs.first,
              let constraint = entry.value.multiArrayConstraint
        else {
            throw DeviceRunError.unfit("a model without exactly one tensor input and one output")
        }
        self.model = model
        self.input = entry.key
        self.output = exit.key
        self.size = size
        self.inputType = constraint.dataType
    }

    /// One picture's tensor, (3, size, size), to its embedding of norm 1.
    public func embed(_ tensor: [Float]) throws -> [Float] {
        let shape: [NSNumber] = [1, 3, NSNumber(value: size), NSNumber(value: size)]
        let array = try MLMultiArray(shape: shape, dataType: inputType)
        try fill(array, with: tensor)
        let features = try MLDictionaryFeatureProvider(dictionary: [input: MLFeatureValue(multiArray: array)])
        let result = try model.prediction(from: features)
        guard let values = result.featureValue(for: output)?.multiArrayValue else {
            throw DeviceRunError.unfit("a model whose output is no array")
        }
        guard values.count == ModelConstants.embeddingDim else {
            throw DeviceRunError.unfit("an output of \(values.count) numbers")
        }
        return unit((0..<values.count).map { values[$0].doubleValue })
    }

    private func fill(_ array: MLMultiArray, with tensor: [Float]) throws {
        guard tensor.count == array.count else {
            throw DeviceRunError.unfit("a tensor of \(tensor.count) numbers for an input of \(array.count)")
        }
        switch array.dataType {
        case .float32:
            array.withUnsafeMutableBytes { bytes, _ in
                tensor.withUnsafeBytes { bytes.copyMemory(from: $0) }
            }
        default:  // float16 and double: slower, and independent of the compiler's types
            for (index, value) in tensor.enumerated() {
                array[index] = NSNumber(value: value)
            }
        }
    }

    /// Scaled to norm 1, computed in float64.
    private func unit(_ values: [Double]) -> [Float] {
        let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return values.map { Float($0 / norm) }
    }
}
