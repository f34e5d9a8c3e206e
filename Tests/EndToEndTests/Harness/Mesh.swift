import Crypto
import Foundation
import Ledger
import Tensor
import TestKit

/// The files of a whole mesh on this machine: genesis, version 0, keys and a configuration for each site.
struct Mesh {
    let folder: String
    let genesis: Genesis
    let layout: ParameterLayout
    let sites: [Site]

    struct Site {
        let name: String
        let folder: String
        let port: UInt16
        var configuration: String { folder + "/meshnode.toml" }
        var operatorSocket: String { folder + "/operator.sock" }
        var trainerSocket: String { folder + "/trainer.sock" }
        var state: String { folder + "/state" }
    }

    /// - Parameters:
    ///   - names: of the sites; each dials all others.
    ///   - parameters: of the one tensor that the model has.
    ///   - timing: lines for the `[timing]` section.
    ///   - joiner: a site that has the genesis file and the first other site's address, and nothing else.
    init(
        _ names: [String], parameters: Int, rules: Rules = Rules(), timing: String = "", joiner: String? = nil
    ) throws {
        try self.init(
            names, layout: ParameterLayout([("weights", [parameters])]),
            values: (0..<parameters).map { Float($0 % 97) / 97 }, rules: rules, timing: timing, joiner: joiner)
    }

    /// - Parameter values: version 0.
    init(
        _ names: [String], layout: ParameterLayout, values: [Float], rules: Rules = Rules(), timing: String = "",
        joiner: String? = nil
    ) throws {
        var random = SeededRandom.system()
        folder = "/tmp/mesh-" + String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 16)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        self.layout = layout
        let values = ParameterArray(values)
        try SafetensorsFile.write(values, layout: layout, to: folder + "/model.safetensors")

        var founders: [(member: Member, operatorKey: SigningKey)] = []
        var sites: [Site] = []
        let ports = try FreePorts.take(names.count)
        for (name, port) in zip(names, ports) {
            let site = Site(name: name, folder: folder + "/" + name, port: port)
            try FileManager.default.createDirectory(atPath: site.folder, withIntermediateDirectories: true)
            sites.append(site)
            founders.append(try Mesh.makeKeys(site, &random))
        }
        self.sites = sites
        genesis = Genesis(
            nonce: Digest(bytes: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })!,
            members: try MemberSet(members: founders.map(\.member)), rules: rules,
            tensors: layout.tensors.map { Ledger.TensorShape(name: $0.name, shape: $0.shape.map { UInt64($0) }) },
            attachments: [],
            roots: StateRoots(
                parameters: try ParameterFile.tree(of: values).root,
                outer: rules.innerOptimizer.isShared
                    ? try ParameterFile.tree(of: ZeroParameters(parameterCount: layout.parameterCount + 1)).root : .zero
            ))
        let file = GenesisFile(
            genesis: genesis,
            signatures: founders.map { [genesis] in
                GenesisSignature(genesis: genesis, signer: $0.member.id, operatorKey: $0.operatorKey)
            })
        try Data(file.encoded).write(to: URL(fileURLWithPath: folder + "/genesis"))
        for site in sites { try writeConfiguration(of: site, timing: timing, isJoiner: site.name == joiner) }
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private static func makeKeys(
        _ site: Site, _ random: inout SeededRandom
    ) throws -> (member: Member, operatorKey: SigningKey) {
        let operatorSecret = random.secret(count: 32)
        let operatorKey = SigningKey(seed: operatorSecret)
        let nodeSecret = random.secret(count: 32)
        let linkSecret = random.secret(count: 32)
        try KeyFile(kind: .operatorKey, secret: operatorSecret, path: site.folder + "/operator.key", random: &random)
            .store()
        try KeyFile(kind: .nodeKey, secret: nodeSecret, path: site.folder + "/node.key", random: &random).store()
        try KeyFile(kind: .linkKey, secret: linkSecret, path: site.folder + "/link.key", random: &random).store()
        let member = Member(
            id: MemberID(firstOperatorKey: operatorKey.verifyingKey), name: site.name,
            operatorKey: operatorKey.verifyingKey, nodeKey: SigningKey(seed: nodeSecret).verifyingKey,
            linkKey: LinkKey(secret: linkSecret).publicKey, keyEpoch: 0)
        return (member, operatorKey)
    }

    private func writeConfiguration(of site: Site, timing: String, isJoiner: Bool) throws {
        let all = sites.filter { $0.name != site.name }.map { "\"127.0.0.1:\($0.port)\"" }
        let peers = isJoiner ? Array(all.prefix(1)) : all
        let text = """
            [mesh]
            genesis = "../genesis"
            \(isJoiner ? "" : "model = \"../model.safetensors\"")
            listen = "127.0.0.1:\(site.port)"
            announce = ["127.0.0.1:\(site.port)"]
            peers = [\(peers.joined(separator: ", "))]

            [site]
            name = "\(site.name)"
            state = "state"
            node_key = "node.key"
            link_key = "link.key"

            [timing]
            \(timing)
            """
        try text.write(toFile: site.configuration, atomically: true, encoding: .utf8)
    }

    /// Where a site lies that is no founder.
    func newcomer(_ name: String) throws -> Site {
        Site(name: name, folder: folder + "/" + name, port: try FreePorts.take(1)[0])
    }
}

/// Ports of the loopback interface that nobody listens on right now.
enum FreePorts {
    /// Each port is held until all are found, so that they differ.
    static func take(_ count: Int) throws -> [UInt16] {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        var ports: [UInt16] = []
        for _ in 0..<count {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            descriptors.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let status = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    bind(descriptor, pointer, length) == 0 ? getsockname(descriptor, pointer, &length) : -1
                }
            }
            guard status == 0 else { throw TestError("no free port: errno \(errno)") }
            ports.append(UInt16(bigEndian: address.sin_port))
        }
        return ports
    }
}
