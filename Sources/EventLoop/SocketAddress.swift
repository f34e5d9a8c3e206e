import CUV
import Glibc

/// An IPv4 or IPv6 address with a port: numbers only, names go through `NameLookup`.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// 4 bytes (IPv4) or 16 (IPv6), in network order.
    public let hostBytes: [UInt8]
    public let port: UInt16
    /// The interface of a link-local IPv6 address, else 0.
    let scope: UInt32

    /// - Parameter host: a numeric IPv4 or IPv6 address, the latter without brackets.
    /// - Throws: `LoopError.invalidAddress`.
    public init(host: String, port: UInt16) throws(LoopError) {
        // C strings end at the first zero byte: what follows it would be ignored.
        guard !host.utf8.contains(0) else { throw .invalidAddress(host) }
        var four = sockaddr_in()
        if uv_ip4_addr(host, Int32(port), &four) == 0 {
            self.init(four)
            return
        }
        var six = sockaddr_in6()
        guard uv_ip6_addr(host, Int32(port), &six) == 0 else { throw .invalidAddress(host) }
        self.init(six)
    }

    /// - Parameter text: `192.0.2.1:7700` or `[2001:db8::1]:7700`.
    /// - Throws: `LoopError.invalidAddress`.
    public init(parsing text: String) throws(LoopError) {
        guard let (host, port) = SocketAddress.split(text) else { throw .invalidAddress(text) }
        do {
            try self.init(host: host, port: port)
        } catch {
            throw .invalidAddress(text)
        }
    }

    /// Splits `host:port` or `[host]:port` without looking at the host; nil where there is no port from 0 to 65535.
    public static func split(_ text: String) -> (host: String, port: UInt16)? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
            let port = UInt16(digits)
        else { return nil }
        var host = text[..<colon]
        if host.first == "[" && host.last == "]" && host.utf8.count > 2 {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") || host.isEmpty {
            return nil
        }
        return (String(host), port)
    }

    /// The loopback interface of this machine: 127.0.0.1.
    public static func loopback(port: UInt16) -> SocketAddress {
        SocketAddress(hostBytes: [127, 0, 0, 1], port: port, scope: 0)
    }

    public var isIPv6: Bool { hostBytes.count == 16 }

    /// The same host at another port.
    public func with(port: UInt16) -> SocketAddress {
        SocketAddress(hostBytes: hostBytes, port: port, scope: scope)
    }

    /// The numeric address without the port.
    public var host: String {
        withSockaddr { address in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
                guard let base = text.baseAddress else { return "" }
                base.initialize(repeating: 0, count: 64)
                let status =
                    isIPv6
                    ? address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { uv_ip6_name($0, base, 64) }
                    : address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { uv_ip4_name($0, base, 64) }
                return status == 0 ? String(cString: base) : ""
            }
        }
    }

    /// `192.0.2.1:7700` or `[2001:db8::1]:7700`.
    public var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private init(hostBytes: [UInt8], port: UInt16, scope: UInt32) {
        self.hostBytes = hostBytes
        self.port = port
        self.scope = scope
    }

    private init(_ four: sockaddr_in) {
        let bytes = withUnsafeBytes(of: four.sin_addr) { Array($0) }
        self.init(hostBytes: bytes, port: UInt16(bigEndian: four.sin_port), scope: 0)
    }

    private init(_ six: sockaddr_in6) {
        let bytes = withUnsafeBytes(of: six.sin6_addr) { Array($0) }
        self.init(hostBytes: bytes, port: UInt16(bigEndian: six.sin6_port), scope: six.sin6_scope_id)
    }

    /// The address behind what the system filled in, nil where it is of another family.
    init?(_ address: UnsafePointer<sockaddr>) {
        switch Int32(address.pointee.sa_family) {
        case AF_INET: self.init(UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self))
        case AF_INET6: self.init(UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self))
        default: return nil
        }
    }

    /// The address in the system's form, valid during `body`.
    func withSockaddr<Output>(_ body: (UnsafePointer<sockaddr>) -> Output) -> Output {
        if isIPv6 {
            var six = sockaddr_in6()
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            six.sin6_scope_id = scope
            withUnsafeMutableBytes(of: &six.sin6_addr) { $0.copyBytes(from: hostBytes) }
            return withUnsafePointer(to: six) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
            }
        }
        var four = sockaddr_in()
        four.sin_family = sa_family_t(AF_INET)
        four.sin_port = port.bigEndian
        withUnsafeMutableBytes(of: &four.sin_addr) { $0.copyBytes(from: hostBytes) }
        return withUnsafePointer(to: four) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
        }
    }

    /// Asks a socket for one of its two addresses.
    static func read(
        _ query: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<Int32>) -> Int32
    ) -> SocketAddress? {
        var space = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &space) { space in
            space.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                query(address, &length) == 0 ? SocketAddress(address) : nil
            }
        }
    }
}
