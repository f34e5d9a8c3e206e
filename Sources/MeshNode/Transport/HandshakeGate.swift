import EventLoop
import Gossip
import Link

/// Decides which connections from strangers may begin a handshake: a bucket for each remote host.
struct HandshakeGate {
    private struct Bucket {
        var tokens: Double
        var filled: Link.Instant
    }

    private var buckets: [[UInt8]: Bucket] = [:]

    /// Whether one more connection from this address may begin now.
    mutating func admits(_ address: [UInt8], now: Link.Instant) -> Bool {
        let host = HandshakeGate.host(of: address)
        if buckets.count >= TransportLimits.bucketsMaximum { dropFull(now: now) }
        // An attacker with more addresses than this gets what is left over, which is nothing.
        guard buckets[host] != nil || buckets.count < TransportLimits.bucketsMaximum else { return false }
        var bucket = buckets[host] ?? Bucket(tokens: TransportLimits.bucketSize, filled: now)
        refill(&bucket, now: now)
        defer { buckets[host] = bucket }
        guard bucket.tokens >= 1 else { return false }
        bucket.tokens -= 1
        return true
    }

    /// Whoever has one IPv6 address has the 2^64 beside it. An IPv4 address in IPv6 form is that IPv4 host.
    private static func host(of address: [UInt8]) -> [UInt8] {
        guard address.count == 16 else { return address }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
        return Array(address.starts(with: mapped) ? address.suffix(4) : address.prefix(8))
    }

    private func refill(_ bucket: inout Bucket, now: Link.Instant) {
        let seconds = Double(now.since(bucket.filled)) / 1000
        bucket.tokens = min(
            TransportLimits.bucketSize, bucket.tokens + seconds * TransportLimits.bucketRefillPerSecond)
        bucket.filled = now
    }

    /// A full bucket says no more than none.
    private mutating func dropFull(now: Link.Instant) {
        buckets = buckets.filter { entry in
            var bucket = entry.value
            refill(&bucket, now: now)
            return bucket.tokens < TransportLimits.bucketSize
        }
    }
}
