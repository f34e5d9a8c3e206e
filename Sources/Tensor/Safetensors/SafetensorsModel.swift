import Crypto
import System

/// The tensors of a model: of one safetensors file, or of shards that an index names.
///
/// F32, F16 and BF16 tensors with elements are parameters. Integers, booleans and tensors without elements are not
/// trained: `carried` reads them, and an export writes them back beside the parameters.
public struct SafetensorsModel: Sendable {
    public static let fileName = "model.safetensors"
    public static let indexName = "model.safetensors.index.json"

    /// What was asked for: a directory or a file.
    public let path: String
    /// In ascending order of their names.
    let files: [SafetensorsFile]

    /// - Parameter path: a directory with `model.safetensors`, or with `model.safetensors.index.json` and its shards; or a
    ///   safetensors file; or an index.
    public init(path: String) throws(SafetensorsError) {
        self.path = path
        let kind = File.kind(of: path)
        guard kind == .directory else {
            if path.hasSuffix(".index.json") {
                files = try SafetensorsModel.shards(index: path, folder: File.folder(of: path))
            } else {
                files = [try SafetensorsFile(path: path)]
            }
            return
        }
        let whole = path + "/" + SafetensorsModel.fileName
        let index = path + "/" + SafetensorsModel.indexName
        if File.kind(of: whole) == .missing, File.kind(of: index) != .missing {
            files = try SafetensorsModel.shards(index: index, folder: path)
        } else {
            files = [try SafetensorsFile(path: whole)]
        }
    }

    init(_ file: SafetensorsFile) {
        path = file.path
        files = [file]
    }

    private static func shards(index: String, folder: String) throws(SafetensorsError) -> [SafetensorsFile] {
        let shards = try SafetensorsIndex(path: index)
        var files: [SafetensorsFile] = []
        for name in shards.fileNames {
            let file = try SafetensorsFile(path: folder + "/" + name)
            for entry in file.entries where shards.fileOfTensor[ExactText(entry.name)] != ExactText(name) {
                throw .unindexedTensor(file: file.path, name: entry.name)
            }
            files.append(file)
        }
        let found = files.reduce(0) { $0 + $1.entries.count }
        if found != shards.fileOfTensor.count {
            let names = Set(files.flatMap { $0.entries.map { ExactText($0.name) } })
            let missing = shards.fileOfTensor.keys.filter { !names.contains($0) }.min() ?? ""
            let file = shards.fileOfTensor[missing]?.wrappedValue ?? ""
            throw .missingParameter(file: folder + "/" + file, name: missing.wrappedValue)
        }
        return files
    }

    /// The layout with the parameters in the order of the files and of their data.
    public func layout() throws(SafetensorsError) -> ParameterLayout {
        do throws(LayoutError) {
            return try ParameterLayout(
                files.flatMap { $0.entries.filter(\.isParameter).map { ($0.name, $0.shape) } })
        } catch {
            throw .layout(file: path, error)
        }
    }

    /// The parameters as one flat vector in the order of `layout`, which must name exactly these tensors and shapes.
    public func parameters(_ layout: ParameterLayout) throws(SafetensorsError) -> SafetensorsParameters {
        var places: [ExactText: SafetensorsParameters.Place] = [:]
        for file in files {
            for entry in file.entries where entry.isParameter {
                guard layout.index(of: entry.name) != nil else {
                    throw .unexpectedParameter(file: file.path, name: entry.name)
                }
                places[ExactText(entry.name)] = SafetensorsParameters.Place(file: file, entry: entry)
            }
        }
        var ordered: [SafetensorsParameters.Place] = []
        for tensor in layout.tensors {
            guard let place = places[ExactText(tensor.name)] else {
                throw .missingParameter(file: path, name: tensor.name)
            }
            guard place.entry.shape == tensor.shape else {
                throw .shapeMismatch(
                    file: place.file.path, name: tensor.name, expected: tensor.shape, found: place.entry.shape)
            }
            ordered.append(place)
        }
        return SafetensorsParameters(layout: layout, places: ordered)
    }

    /// What is not trained, by ascending name.
    ///
    /// - Parameter limitBytes: more than that is refused.
    public func carried(limitBytes: Int) throws(SafetensorsError) -> CarriedTensors {
        var tensors: [CarriedTensors.Tensor] = []
        var total = 0
        for file in files {
            for entry in file.entries where !entry.isParameter {
                total += entry.range.count
                guard total <= limitBytes else {
                    throw .tooMuchCarried(file: file.path, name: entry.name, limitBytes: limitBytes)
                }
                tensors.append(
                    CarriedTensors.Tensor(
                        name: entry.name, type: entry.type, shape: entry.shape, bytes: try file.bytes(of: entry)))
            }
        }
        return CarriedTensors(tensors)
    }
}

/// A safetensors model as one flat vector.
public struct SafetensorsParameters: ParameterSource {
    struct Place: Sendable {
        let file: SafetensorsFile
        let entry: SafetensorsEntry
    }

    public let layout: ParameterLayout
    /// In the order of the layout.
    let places: [Place]

    public var parameterCount: Int { layout.parameterCount }

    public func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(FileError) {
        precondition(offset >= 0 && buffer.count <= layout.parameterCount - offset)
        guard !buffer.isEmpty else { return }
        var tensor = layout.chunk(at: layout.chunkIndex(containing: offset)).tensor
        var done = 0
        while done < buffer.count {
            let place = layout.tensors[tensor]
            let element = offset + done - place.offset
            let count = min(place.count - element, buffer.count - done)
            try places[tensor].file.read(
                places[tensor].entry, at: element,
                into: UnsafeMutableBufferPointer(rebasing: buffer[done..<done + count]))
            done += count
            tensor += 1
        }
    }
}
