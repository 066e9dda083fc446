import Foundation

/// Nanoseconds of the clock that no setting of the time moves; it stands while the device sleeps, and then the
/// host sees that wall clock and samples do not fit.
public func monotonicNs() -> Int {
    Int(clock_gettime_nsec_np(CLOCK_UPTIME_RAW))
}

public let monotonicClock = "CLOCK_UPTIME_RAW"

/// The thermal state, by the names of the response.
public func thermalState() -> String {
    switch ProcessInfo.processInfo.thermalState {
    case .nominal: return "nominal"
    case .fair: return "fair"
    case .serious: return "serious"
    case .critical: return "critical"
    @unknown default: return "unknown"
    }
}

/// Such as "iPhone16,1".
public func machineModel() -> String {
    var system = utsname()
    uname(&system)
    return withUnsafeBytes(of: &system.machine) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}

/// Where this runs, and how close that is to what is deployed.
public enum Platform {
    #if os(macOS)
    public static let kind = "mac"
    public static let system = "macOS"
    public static let physical = true
    public static let fidelity = "runtime"
    #elseif targetEnvironment(simulator)
    public static let kind = "ios"
    public static let system = "iOS"
    public static let physical = false
    public static let fidelity = "emulated"
    #else
    public static let kind = "ios"
    public static let system = "iOS"
    public static let physical = true
    public static let fidelity = "device"
    #endif
}

/// RFC 3339 in UTC, with fractions of a second.
public func timestamp(_ date: Date) -> String {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    return formatter.string(from: date)
}
