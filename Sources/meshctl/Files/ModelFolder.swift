import Crypto
import Ledger
import Rounds
import System
import Tensor

/// A model on disk: a directory in Hugging Face's layout (one file of weights, or shards and their index), or a
/// safetensors file by itself.
struct ModelFolder {
    let path: String
    let layout: ParameterLayout
    let parameters: SafetensorsParameters
    /// Tensors that are not trained.
    let carried: CarriedTensors
    /// The small files beside the weights, by ascending name, and the tensors that are not trained.
    let attachments: [Attachment]

    /// The attachment with the tensors that are not trained; exports write them into the file of the weights.
    static let carriedName = "mesh-carried.safetensors"

    /// What is taken along into the genesis: configuration and tokenizer.
    private static let suffixes = [".json", ".model", ".txt", ".jinja"]

    /// - Parameter layout: the tensors in the order that is asked for; nil takes the order in the file.
    init(_ path: String, layout expected: ParameterLayout? = nil) throws {
        self.path = path
        let isDirectory = File.isDirectory(path)
        do throws(SafetensorsError) {
            let model = try SafetensorsModel(path: path)
            if let expected { layout = expected } else { layout = try model.layout() }
            parameters = try model.parameters(layout)
            carried = try model.carried(limitBytes: Limits.attachmentBytes - (1 << 20))
        } catch {
            throw Failure("the model in \(path) cannot be used: \(error)")
        }
        let files = isDirectory ? try ModelFolder.attachments(in: path) : []
        attachments =
            carried.isEmpty ? files : files + [Attachment(name: ModelFolder.carriedName, bytes: carried.encoded)]
        guard attachments.count <= Limits.attachments else {
            throw Failure(
                "\(path) has \(attachments.count) small files; a genesis carries at most \(Limits.attachments)",
                advice: "Leave configuration and tokenizer in it, and move the rest away.")
        }
    }

    /// Whether there is a `config.json`, without which `meshtrain` does not train the model.
    var hasConfiguration: Bool { attachments.contains { $0.name == "config.json" } }

    /// The tensors of a genesis that are not trained.
    static func carried(by genesis: Genesis) throws -> CarriedTensors {
        guard let attachment = genesis.attachments.first(where: { $0.name == carriedName }) else {
            return CarriedTensors()
        }
        do throws(SafetensorsError) {
            return try CarriedTensors(decoding: attachment.bytes, name: carriedName)
        } catch {
            throw Failure("the genesis has damaged tensors that are not trained: \(error)")
        }
    }

    /// The small files of a genesis that a model directory has beside its weights.
    static func files(of genesis: Genesis) -> [Attachment] {
        genesis.attachments.filter { $0.name != carriedName }
    }

    /// Writes the weights of a certified version and the genesis' tensors that are not trained; the metadata says which
    /// version it is.
    static func write(
        _ parameters: ParameterFile, layout: ParameterLayout, genesis: Genesis, height: Int64, version: String,
        to path: String
    ) throws {
        let carried = try carried(by: genesis)
        do throws(SafetensorsError) {
            try SafetensorsFile.write(
                parameters, layout: layout, carrying: carried,
                metadata: metadata(genesis, height: height, version: version) + [
                    (key: "mesh.parameters_root", value: parameters.root.description)
                ], to: path)
        } catch {
            throw Failure("\(error)")
        }
    }

    /// Writes the state of the shared optimizer at a certified version into a model's directory.
    ///
    /// - Parameter state: of a shared optimizer (`SharedState`).
    static func write(
        optimizer state: any ParameterSource, root: String, layout: ParameterLayout, genesis: Genesis, height: Int64,
        version: String, in directory: String
    ) throws {
        try Folder.make(directory + "/" + OptimizerStateFile.folder, mode: 0o755)
        do throws(SafetensorsError) {
            try OptimizerStateFile.write(
                state, layout: layout,
                metadata: metadata(genesis, height: height, version: version) + [
                    (key: "mesh.optimizer_root", value: root)
                ], to: directory + "/" + OptimizerStateFile.name)
        } catch {
            throw Failure("the optimizer's state cannot be written: \(error)")
        }
    }

    private static func metadata(
        _ genesis: Genesis, height: Int64, version: String
    ) -> [(key: String, value: String)] {
        [
            (key: "format", value: "pt"), (key: "mesh.network", value: genesis.network.description),
            (key: "mesh.height", value: "\(height)"), (key: "mesh.version", value: version),
        ]
    }

    /// The root of the parameters as a version names it. Reads them all.
    func root() throws -> Digest {
        try checkFinite()
        do throws(FileError) {
            return try ParameterFile.tree(of: parameters).root
        } catch {
            throw Failure("the model in \(path) cannot be read: \(error)")
        }
    }

    private func checkFinite() throws {
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: ParameterLayout.blockParameters)
        defer { buffer.deallocate() }
        for block in 0..<layout.blockCount {
            let range = layout.parameters(ofBlock: block)
            let values = UnsafeMutableBufferPointer(rebasing: buffer[..<range.count])
            do throws(FileError) {
                try parameters.readBlock(block, into: values)
            } catch {
                throw Failure("the model in \(path) cannot be read: \(error)")
            }
            if let index = values.firstIndex(where: { !$0.isFinite }) {
                let place = range.lowerBound + index
                let tensor = layout.tensors.first { $0.range.contains(place) }?.name ?? ""
                throw Failure("the model in \(path) has an infinity or not-a-number in \(tensor)")
            }
        }
    }

    private static func attachments(in path: String) throws -> [Attachment] {
        var attachments: [Attachment] = []
        for name in try Folder.names(in: path) where suffixes.contains(where: name.hasSuffix) {
            // An export has one file of weights, and no index.
            guard Attachment.isValidName(name), name != SafetensorsModel.indexName else { continue }
            attachments.append(
                Attachment(
                    name: name, bytes: try File.contents(of: path + "/" + name, limitBytes: Limits.attachmentBytes)))
        }
        return attachments
    }
}
