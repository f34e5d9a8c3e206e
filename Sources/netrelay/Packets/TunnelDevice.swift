import Glibc

/// A TUN device of Linux: IP packets, one a read or write (Documentation/networking/tuntap.rst).
struct TunnelDevice {
    let descriptor: Int32

    /// Makes a device of this name. It may be moved to another network namespace afterwards and stays connected.
    ///
    /// - Parameter name: at most 15 bytes.
    init(name: String) throws(RelayError) {
        descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw RelayError("/dev/net/tun", errno) }
        // struct ifreq: 16 bytes of name, then the flags; 40 bytes in all.
        var request = [UInt8](repeating: 0, count: 40)
        for (index, byte) in name.utf8.prefix(15).enumerated() { request[index] = byte }
        let flags = TunnelDevice.tunFlag | TunnelDevice.noInformationFlag
        request[16] = UInt8(truncatingIfNeeded: flags)
        request[17] = UInt8(truncatingIfNeeded: flags >> 8)
        let status = request.withUnsafeMutableBytes {
            ioctl(descriptor, TunnelDevice.setInterface, $0.baseAddress!)
        }
        guard status == 0 else { throw RelayError("the device \(name)", errno) }
    }

    // linux/if_tun.h
    private static let setInterface: UInt = 0x4004_54ca
    private static let tunFlag: UInt16 = 0x0001
    private static let noInformationFlag: UInt16 = 0x1000
}

/// What the relay reads of a packet.
enum PacketHeader {
    /// The site for which an IPv4 packet is meant: the third byte of its destination, less one. A site has a /24 of its
    /// own, so that it can change its address there.
    static func destination(of packet: some RandomAccessCollection<UInt8>) -> SiteIndex? {
        let bytes = Array(packet.prefix(20))
        guard bytes.count == 20, bytes[0] >> 4 == 4, bytes[18] > 0 else { return nil }
        return SiteIndex(Int(bytes[18]) - 1)
    }
}
