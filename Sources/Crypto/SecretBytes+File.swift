import System

extension SecretBytes {
    /// Reads a secret from the beginning of a file, into memory that is locked and erased.
    public convenience init(count: Int, from file: File) throws(FileError) {
        var failure: FileError?
        self.init(count: count) { buffer in
            do throws(FileError) { try file.read(at: 0, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Writes the secret to the beginning of a file.
    public func write(to file: File) throws(FileError) {
        var failure: FileError?
        withUnsafeBytes { buffer in
            do throws(FileError) { try file.write(buffer, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
