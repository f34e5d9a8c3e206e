import System

/// What a verb makes for the operator to hand on: other accounts may read it.
enum OutputFile {
    /// Writes a whole file, as `NewFile` does.
    ///
    /// - Parameter isReplacing: whether a file of that name may be replaced.
    static func write(_ bytes: [UInt8], to path: String, isReplacing: Bool = true) throws {
        do throws(FileError) {
            try File.write(bytes, to: path, mode: 0o644, isReplacing: isReplacing)
        } catch {
            guard case .alreadyExists = error else { throw error }
            throw Failure("\(path) exists already", advice: "Remove it, choose another name, or give --force.")
        }
    }

    static func write(_ text: String, to path: String, isReplacing: Bool = true) throws {
        try write(Array(text.utf8), to: path, isReplacing: isReplacing)
    }
}
