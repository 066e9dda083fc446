import CryptoKit
import Foundation

/// SHA-256 of bytes, 64 hex digits in lower case.
public func sha256Hex(_ data: Data) -> String {
    SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined()
}

/// The digest of an artefact: of the file itself, or of the lines that `sha256sum` writes for the files of a
/// folder, in byte order of their paths. cardembed/devices/digests.py computes the same.
public func artefactDigest(at url: URL) throws -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
        throw DeviceRunError.missing(url.lastPathComponent)
    }
    if !isFolder.boolValue {
        return sha256Hex(try Data(contentsOf: url, options: .mappedIfSafe))
    }
    let root = url.resolvingSymlinksInPath().path + "/"
    var lines: [(path: String, digest: String)] = []
    let keys: [URLResourceKey] = [.isRegularFileKey]
    guard let files = FileManager.default.enumerator(at: url, includingPropertiesForKeys: keys) else {
        throw DeviceRunError.missing(url.lastPathComponent)
    }
    for case let file as URL in files {
        guard try file.resourceValues(forKeys: Set(keys)).isRegularFile == true else { continue }
        let path = String(file.resolvingSymlinksInPath().path.dropFirst(root.count))
        lines.append((path, sha256Hex(try Data(contentsOf: file, options: .mappedIfSafe))))
    }
    // Byte order of UTF-8, as LC_ALL=C sorts: Swift's own order of strings is another one.
    lines.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    let text = lines.map { "\($0.digest)  \($0.path)\n" }.joined()
    return sha256Hex(Data(text.utf8))
}
