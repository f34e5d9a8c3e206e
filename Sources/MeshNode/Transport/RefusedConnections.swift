import EventLoop
import Gossip
import Link

/// Accepted connections that never became a link, counted by kind and source: probes and strangers knock all the time,
/// and one line for each would hide what matters.
struct RefusedConnections {
    enum Kind: Int, CaseIterable, Comparable {
        /// It proved to own a link key that no member and no invited site has.
        case stranger
        case otherNetwork
        /// It claimed to be a member, and did not prove it.
        case impostor
        /// It sent something else than a handshake, or nothing.
        case notAMesh
        case broken

        static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }

        var words: String {
            switch self {
            case .stranger: "sites that are no members"
            case .otherNetwork: "sites with another genesis file or another wire version"
            case .impostor: "sites that did not prove to be the member that they claimed to be"
            case .notAMesh: "programs that do not speak the mesh's protocol, or port scans"
            case .broken: "connections that broke before they were links"
            }
        }
    }

    struct Source: Equatable {
        let host: String
        var count = 0
        var last = Instant(milliseconds: 0)
        /// What was wrong with the last one.
        var reason = ""
    }

    private struct Key: Hashable {
        let kind: Kind
        let host: String
    }

    private var sources: [Key: Source] = [:]

    /// A source that has been quiet for so long is forgotten.
    static let expiryMilliseconds: UInt64 = 3_600_000
    /// Where there are more, the one that has been quiet longest goes.
    static let sourcesMaximum = 256

    /// - Parameter remote: the remote address, with its port.
    mutating func note(_ end: PeerConnection.End, from remote: String, now: Instant) {
        let host = SocketAddress.split(remote)?.host ?? remote
        let key = Key(kind: Kind(end), host: host)
        if sources[key] == nil {
            forgetExpired(now)
            if sources.count >= RefusedConnections.sourcesMaximum,
                let oldest = sources.min(by: { $0.value.last < $1.value.last })?.key
            {
                sources[oldest] = nil
            }
        }
        var source = sources[key] ?? Source(host: host)
        source.count += 1
        source.last = now
        source.reason = end.description
        sources[key] = source
    }

    private mutating func forgetExpired(_ now: Instant) {
        sources = sources.filter { now.since($0.value.last) < RefusedConnections.expiryMilliseconds }
    }

    /// By kind; of each the sources, the last that knocked first.
    func sources(now: Instant) -> [(kind: Kind, sources: [Source])] {
        Kind.allCases.compactMap { kind in
            let found = sources.filter {
                $0.key.kind == kind && now.since($0.value.last) < RefusedConnections.expiryMilliseconds
            }.values.sorted { $0.last != $1.last ? $0.last > $1.last : $0.host < $1.host }
            return found.isEmpty ? nil : (kind, found)
        }
    }
}

extension RefusedConnections.Kind {
    init(_ end: PeerConnection.End) {
        switch end {
        case .link(.stranger): self = .stranger
        case .link(.otherNetwork), .link(.otherNetworkOrWireVersion): self = .otherNetwork
        case .link(.greetingOfOtherMember), .link(.invalidGreetingSignature), .link(.unexpectedMember): self = .impostor
        case .link, .stream(.endOfStream): self = .notAMesh
        case .stream, .refusedByPeer, .closedHere, .tooMuchWaiting: self = .broken
        }
    }
}
