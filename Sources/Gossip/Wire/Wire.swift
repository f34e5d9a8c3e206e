import Ledger

/// The messages between daemons.
public enum Wire {
    /// A control message, reassembled.
    public static let messageBytesMaximum = 64 << 10

    /// The messages that bring a certified version to a node that lags: its embedded objects first, itself last.
    public static func messages(of version: CertifiedVersion) -> [[UInt8]] {
        []
    }
}
