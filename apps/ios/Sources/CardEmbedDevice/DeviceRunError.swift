import Foundation

/// Why a request was not executed.
public enum DeviceRunError: Error, CustomStringConvertible {
    case missing(String)
    case changed(String)
    case unreadable(String)
    case unfit(String)

    public var description: String {
        switch self {
        case .missing(let what): return "missing: \(what)"
        case .changed(let what): return "other bytes than the request names: \(what)"
        case .unreadable(let what): return "cannot be read: \(what)"
        case .unfit(let what): return "cannot be executed: \(what)"
        }
    }
}
