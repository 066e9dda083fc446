import CoreML
import Foundation

/// What Core ML plans to run a program's operations on: "cpu", "gpu" and "neuralEngine", those that occur.
/// Empty before iOS 17.4 and for models that are no programs: the system does not say it there.
public func plannedUnits(_ compiled: URL, units: MLComputeUnits) async throws -> [String] {
    guard #available(iOS 17.4, macOS 14.4, *) else { return [] }
    let configuration = MLModelConfiguration()
    configuration.computeUnits = units
    let plan = try await MLComputePlan.load(contentsOf: compiled, configuration: configuration)
    guard case .program(let program) = plan.modelStructure, let main = program.functions["main"] else { return [] }
    var found = Set<String>()
    for operation in main.block.operations {
        guard let usage = plan.deviceUsage(for: operation) else { continue }
        switch usage.preferred {
        case .cpu: found.insert("cpu")
        case .gpu: found.insert("gpu")
        case .neuralEngine: found.insert("neuralEngine")
        @unknown default: found.insert("unknown")
        }
    }
    return found.sorted()
}

/// The units that Core ML may use, by the same names; it need not use all of them.
public func requestedUnits(_ units: MLComputeUnits) -> [String] {
    switch units {
    case .cpuOnly: return ["cpu"]
    case .cpuAndGPU: return ["cpu", "gpu"]
    case .cpuAndNeuralEngine: return ["cpu", "neuralEngine"]
    case .all: return ["cpu", "gpu", "neuralEngine"]
    @unknown default: return []
    }
}
