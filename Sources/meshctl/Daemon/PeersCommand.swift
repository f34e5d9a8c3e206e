import ArgumentParser
import Control

struct PeersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peers", abstract: "The links to all other members, with addresses, bytes and the last error.")

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let response = try daemon.connect().ask(PeersRequest())
        try output.print(response) {
            var table = Table([
                "site", "link", ">version", ">round trip", ">received", ">sent", "address", "last error",
            ])
            for peer in response.peers {
                table.append([
                    .init(peer.site.text), .init(peer.link.rawValue, peer.link == .up ? .good : .warning),
                    .init(peer.height.map(String.init) ?? "-"),
                    .init(peer.roundTripMicroseconds.map { Words.decimal(Double($0) / 1000, 1) + " ms" } ?? "-"),
                    .init(Words.bytes(peer.receivedBytes)), .init(Words.bytes(peer.sentBytes)),
                    .init(peer.addresses.isEmpty ? "not known" : peer.addresses.joined(separator: " ")),
                    .init(peer.error ?? ""),
                ])
            }
            return table.rendered()
        }
    }
}
