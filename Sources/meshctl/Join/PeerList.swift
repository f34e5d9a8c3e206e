import EventLoop
import Ledger

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
        let bytes = try DiskFile.read(path, limitBytes: PeerList.fileBytesMaximum)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure("\(path) is not text") }
        try self.init(text: text, file: path)
    }

    init(text: String, file: String) throws {
        var entries: [Entry] = []
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = raw.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let address = words.first else { continue }
            guard words.count <= 2, SocketAddress.split(address) != nil, address.utf8.count <= Limits.addressBytes
            else {
                throw Failure("\(file):\(index + 1): expected host:port and perhaps a site's name, found \"\(raw)\"")
            }
            let site = words.count == 2 ? words[1] : nil
            if let site, !Member.isValidName(site) {
                throw Failure("\(file):\(index + 1): \"\(site)\" is no site name")
            }
            entries.append(Entry(line: index + 1, address: address, site: site))
        }
        self.entries = entries
    }
}
