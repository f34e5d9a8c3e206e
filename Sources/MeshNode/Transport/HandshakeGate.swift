import EventLoop
import Gossip

/// Decides which connections from strangers may begin a handshake: a bucket for each remote address.
struct HandshakeGate {
    private struct Bucket {
        var tokens: Double
        var filled: Gossip.Instant
    }

    private var buckets: [[UInt8]: Bucket] = [:]

    /// Whether one more connection from this host may begin now.
    mutating func admits(_ host: [UInt8], now: Gossip.Instant) -> Bool {
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

    private func refill(_ bucket: inout Bucket, now: Gossip.Instant) {
        let seconds = Double(now.since(bucket.filled)) / 1000
        bucket.tokens = min(
            TransportLimits.bucketSize, bucket.tokens + seconds * TransportLimits.bucketRefillPerSecond)
        bucket.filled = now
    }

    /// A full bucket says no more than none.
    private mutating func dropFull(now: Gossip.Instant) {
        buckets = buckets.filter { entry in
            var bucket = entry.value
            refill(&bucket, now: now)
            return bucket.tokens < TransportLimits.bucketSize
        }
    }
}
