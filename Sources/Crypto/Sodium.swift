import CSodium

/// libsodium, initialised once per process before its first use.
///
/// Every type in this module that calls into the library touches `Sodium.ready` first.
enum Sodium {
    static let ready: Void = {
        precondition(sodium_init() >= 0, "libsodium could not be initialised")
    }()
}
