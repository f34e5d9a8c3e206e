import Crypto
import Ledger
import Rounds
import Tensor

/// A model on disk: a directory in Hugging Face's layout, or a safetensors file by itself.
struct ModelFolder {
    let path: String
    let layout: ParameterLayout
    let parameters: SafetensorsParameters
    /// The small files beside the weights, by ascending name; none for a file by itself.
    let attachments: [Attachment]

    /// What is taken along into the genesis: configuration and tokenizer.
    private static let suffixes = [".json", ".model", ".txt", ".jinja"]

    /// - Parameter layout: the tensors in the order that is asked for; nil takes the order in the file.
    init(_ path: String, layout expected: ParameterLayout? = nil) throws {
        self.path = path
        let isDirectory = DiskFile.isDirectory(path)
        do throws(SafetensorsError) {
            let file = try SafetensorsFile(path: isDirectory ? path + "/model.safetensors" : path)
            if let expected { layout = expected } else { layout = try file.layout() }
            parameters = try file.parameters(layout)
        } catch {
            throw Failure("the model in \(path) cannot be used: \(error)")
        }
        attachments = isDirectory ? try ModelFolder.attachments(in: path) : []
    }

    /// Writes the weights of a certified version; the metadata says which it is.
    static func write(
        _ parameters: ParameterFile, layout: ParameterLayout, network: NetworkID, height: Int64, version: String,
        to path: String
    ) throws {
        do throws(SafetensorsError) {
            try SafetensorsFile.write(
                parameters, layout: layout,
                metadata: [
                    (key: "format", value: "pt"), (key: "mesh.network", value: network.description),
                    (key: "mesh.height", value: "\(height)"), (key: "mesh.version", value: version),
                    (key: "mesh.parameters_root", value: parameters.root.description),
                ], to: path)
        } catch {
            throw Failure("\(error)")
        }
    }

    /// The root of the parameters as a version names it. Reads them all.
    func root() throws -> Digest {
        try checkFinite()
        do throws(ParameterFileError) {
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
            do throws(ParameterFileError) {
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
        for name in try DiskFile.names(in: path) where suffixes.contains(where: name.hasSuffix) {
            guard Attachment.isValidName(name) else { continue }
            attachments.append(
                Attachment(name: name, bytes: try DiskFile.read(path + "/" + name, limitBytes: Limits.attachmentBytes)))
        }
        guard attachments.count <= Limits.attachments else {
            throw Failure(
                "\(path) has \(attachments.count) small files; a genesis carries at most \(Limits.attachments)",
                advice: "Leave configuration and tokenizer in it, and move the rest away.")
        }
        return attachments
    }
}
