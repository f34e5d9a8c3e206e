import EventLoop
import Ledger
import SiteFiles

/// A list of peers: an address a line, after it the name of the site that is expected there, if that is known.
///
///     # one reachable address is enough
///     mesh.example.org:7700
///     10.1.0.7:7700          fr
struct PeerList {
    struct Entry: Equatable {
        let line: Int
        let address: String
        let site: String?
    }

    let entries: [Entry]

    static let fileBytesMaximum = 1 << 20

    init(path: String) throws {
        try self.init(text: TextFile.read(path, limitBytes: PeerList.fileBytesMaximum), file: path)
    }

    /// - Parameter text: normalized, as `TextFile` gives it.
    /// - Throws: `SiteFileError` for a line that is no entry, and for a file without any.
    init(text: String, file: String) throws(SiteFileError) {
        var entries: [Entry] = []
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = raw.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let address = words.first else { continue }
            guard words.count <= 2, SocketAddress.split(address) != nil, address.utf8.count <= Limits.addressBytes
            else {
                throw SiteFileError(
                    file, line: index + 1, "expected host:port and optionally the site's name, found \"\(raw)\"")
            }
            let site = words.count == 2 ? words[1] : nil
            if let site, !Member.isValidName(site) {
                throw SiteFileError(
                    file, line: index + 1, "expected a site's name of 1 to 32 of a-z, 0-9 and -, found \"\(site)\"")
            }
            entries.append(Entry(line: index + 1, address: address, site: site))
        }
        guard !entries.isEmpty else {
            throw SiteFileError(file, "names no peer; write one address host:port per line")
        }
        self.entries = entries
    }
}
