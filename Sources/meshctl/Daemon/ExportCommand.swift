import ArgumentParser
import Control
import Glibc
import Ledger
import Rounds
import Tensor

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a certified version as a model directory in Hugging Face's layout.",
        discussion: """
            The weights come from the daemon and are held against the certified root; configuration and tokenizer come \
            from the genesis.
            """)

    @Argument(help: "The directory to write.")
    var directory: String

    @Option(help: ArgumentHelp("The version wanted (default: the head).", valueName: "height"))
    var height: Int64?

    @Option(help: ArgumentHelp("The genesis file (default: the one that the configuration names).", valueName: "file"))
    var genesis: String?

    @Flag(help: "Replace files that are in the directory.")
    var force = false

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { if let height { try VersionCommand.check(height) } }

    struct Report: Encodable {
        let directory: String
        let height: Int64
        let version: String
        let parametersRoot: String
        let parameters: Int
        let files: [String]
    }

    func run() throws {
        guard let path = try genesis ?? daemon.configuration()?.genesis else {
            throw Failure("no genesis file was named", advice: "Give --genesis FILE or --config FILE.")
        }
        let founding = try GenesisFile.readComplete(path).genesis
        let layout: ParameterLayout
        do throws(LayoutError) { layout = try ParameterLayout(founding) } catch {
            throw Failure("the genesis' tensors make no parameter vector: \(error)")
        }
        let weights = directory + "/model.safetensors"
        guard force || !DiskFile.exists(weights) else {
            throw Failure("\(weights) exists already", advice: "Choose another directory, or give --force.")
        }
        try DiskFile.makeDirectory(directory)
        let connection = try daemon.connect()
        let status = try connection.ask(StatusRequest())
        guard status.network.text == founding.network.description else {
            throw Failure(
                "the daemon is in network \(Words.short(status.network.text)), \(path) founds \(founding.network.short)"
            )
        }
        let export = try connection.ask(ParametersExportBegin(height: height))
        let scratch = directory + "/.parameters"
        defer { unlink(scratch) }
        do {
            let received = try receive(export, layout, connection, to: scratch)
            try SafetensorsFile.write(
                received, layout: layout,
                metadata: [
                    (key: "format", value: "pt"), (key: "mesh.network", value: founding.network.description),
                    (key: "mesh.height", value: "\(export.height)"), (key: "mesh.version", value: export.version.text),
                    (key: "mesh.parameters_root", value: export.parametersRoot.text),
                ], to: weights)
        } catch let error as ParameterFileError {
            throw Failure(error.words)
        } catch let error as SafetensorsError {
            throw Failure(error.words)
        }
        for attachment in founding.attachments {
            try DiskFile.write(attachment.bytes, to: directory + "/" + attachment.name, replacing: force)
        }
        let report = Report(
            directory: directory, height: export.height, version: export.version.text,
            parametersRoot: export.parametersRoot.text, parameters: layout.parameterCount,
            files: ["model.safetensors"] + founding.attachments.map(\.name))
        try output.print(report) {
            """
            Wrote version \(export.height) (\(Words.short(export.version.text))) to \(directory): \
            \(Words.grouped(Int64(layout.parameterCount))) parameters, root as certified
            \(report.files.joined(separator: " "))
            """
        }
    }

    /// The flat vector in a file of its own; throws where it is not the one that the version certifies.
    private func receive(
        _ export: ParametersExport, _ layout: ParameterLayout, _ connection: DaemonConnection, to path: String
    ) throws -> ParameterFile {
        guard export.bytes == 4 * Int64(layout.parameterCount) else {
            throw Failure(
                "the daemon sends \(export.bytes) bytes, the genesis' tensors take \(4 * layout.parameterCount)")
        }
        let file = try ParameterFileAppender(path: path, parameterCount: layout.parameterCount)
        var tensor = 0
        var element = 0
        try connection.receive(
            transfer: export.transfer, kind: .parameters, byteCount: export.bytes,
            isNext: { frame in
                if tensor < layout.tensors.count, element == layout.tensors[tensor].count {
                    tensor += 1
                    element = 0
                }
                return tensor < layout.tensors.count && frame.tensorIndex == UInt32(tensor)
                    && frame.offset == UInt64(element) && frame.bytes.count.isMultiple(of: 4)
                    && frame.bytes.count / 4 <= layout.tensors[tensor].count - element
            },
            take: { frame in
                try file.append(littleEndian: frame.bytes)
                element += frame.bytes.count / 4
            })
        let root = try file.finish().root
        guard root.description == export.parametersRoot.text else {
            throw Failure("what the daemon sent is not version \(export.height): its root is \(root.short)")
        }
        return try ParameterFile(path: path, parameterCount: layout.parameterCount, expectedRoot: root)
    }
}

extension ParameterFileAppender {
    /// - Parameter bytes: float32, little-endian, a whole number of them.
    fileprivate func append(littleEndian bytes: [UInt8]) throws(ParameterFileError) {
        let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: bytes.count / 4)
        defer { values.deallocate() }
        for index in values.indices {
            let word =
                UInt32(bytes[4 * index]) | UInt32(bytes[4 * index + 1]) << 8 | UInt32(bytes[4 * index + 2]) << 16
                | UInt32(bytes[4 * index + 3]) << 24
            values.initializeElement(at: index, to: Float(bitPattern: word))
        }
        try append(UnsafeBufferPointer(values))
    }
}
