import CSodium
import System

/// Slots for small secrets in blocks that `sodium_malloc` gives: locked in memory, left out of core dumps, with fences around a block.
///
/// In pages of its own a key would cost ten system calls, and a handshake derives a dozen keys; a thousand links would reach the usual
/// limit of locked memory. Blocks of slots are never given back; there are as
/// many as the most secrets that were held at one time needed.
final class SecretPool: Sendable {
    static let shared = SecretPool()

    /// Every key fits, and a block of the hash with which HMAC begins.
    static let slotBytes = 128
    /// With what `sodium_malloc` puts before it, four pages.
    private static let slotsPerBlock = 127

    private struct FreeSlots: @unchecked Sendable {  // only addresses; one owner at a time uses a slot
        var slots: [UnsafeMutableRawPointer] = []
    }

    private let free = Guarded(FreeSlots())

    /// A slot of zeros, aligned to 16.
    func take() -> UnsafeMutableRawPointer {
        free.withLock { free in
            if free.slots.isEmpty { free.slots = SecretPool.block() }
            return free.slots.removeLast()
        }
    }

    /// Wipes the slot and lets others have it.
    func giveBack(_ slot: UnsafeMutableRawPointer) {
        sodium_memzero(slot, SecretPool.slotBytes)
        free.withLock { $0.slots.append(slot) }
    }

    private static func block() -> [UnsafeMutableRawPointer] {
        _ = Sodium.ready
        let count = slotsPerBlock * slotBytes
        guard let base = sodium_malloc(count) else { preconditionFailure("there is no memory for secrets") }
        sodium_memzero(base, count)
        return (0..<slotsPerBlock).map { base + $0 * slotBytes }
    }
}
