import SwiftUI

/// Nothing but a process on the device that the tests can run in.
@main
struct HostApp: App {
    var body: some Scene {
        WindowGroup { Text("cardembed device run") }
    }
}
