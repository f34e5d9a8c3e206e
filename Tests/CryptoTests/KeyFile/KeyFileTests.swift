import Crypto
import Glibc
import System
import TestKit
import Testing

let testPassphrase = SecretBytes(Array("correct horse".utf8))

/// A key file in memory, of a key that `seed` gives.
func makeKeyFile(
    _ kind: KeyKind, seed: UInt64 = 1, path: String = "k", passphrase: SecretBytes? = nil
) throws -> (file: KeyFile, secret: SecretBytes) {
    var random = SeededRandom(simulationSeed: seed)
    let secret = random.secret(count: 32)
    let file = try KeyFile(
        kind: kind, secret: secret, path: path, passphrase: passphrase, cost: .least, random: &random)
    return (file, secret)
}

struct KeyFileTests {
    @Test(arguments: KeyKind.allCases, [false, true])
    func aStoredKeyIsLoadedAgain(kind: KeyKind, isProtected: Bool) throws {
        let directory = TemporaryFolder()
        defer { directory.remove() }
        let passphrase = isProtected ? testPassphrase : nil
        let (file, secret) = try makeKeyFile(kind, path: "\(directory.path)/key", passphrase: passphrase)
        try file.store()
        #expect(directory.names == ["key"])

        let loaded = try KeyFile.load(kind, from: file.path)
        #expect(loaded.isProtected == isProtected)
        #expect(loaded.kind == kind)
        #expect(loaded.publicKeyBytes == file.publicKeyBytes)
        if kind == .linkKey {
            let key = try loaded.linkKey(passphrase: passphrase)
            #expect(key.publicKey == LinkKey(secret: secret).publicKey)
            #expect(key.publicKey.bytes == file.publicKeyBytes)
        } else {
            let key = try loaded.signingKey(passphrase: passphrase)
            #expect(key.verifyingKey == SigningKey(seed: secret).verifyingKey)
            #expect(key.verifyingKey.bytes == file.publicKeyBytes)
        }
    }

    @Test func theFileIsThereForItsOwnerAlone() throws {
        let directory = TemporaryFolder()
        defer { directory.remove() }
        let previous = umask(0)
        defer { umask(previous) }
        let file = try makeKeyFile(.nodeKey, path: "\(directory.path)/key").file
        try file.store()
        var status = stat()
        #expect(stat(file.path, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o600)
    }

    @Test func anExistingKeyIsReplacedOnlyOnDemand() throws {
        let directory = TemporaryFolder()
        defer { directory.remove() }
        let path = "\(directory.path)/key"
        let first = try makeKeyFile(.nodeKey, seed: 1, path: path).file
        let second = try makeKeyFile(.nodeKey, seed: 2, path: path).file
        try first.store()
        #expect(throws: KeyFileError(path: path, problem: .file(.alreadyExists(file: path)))) { try second.store() }
        #expect(try KeyFile.load(.nodeKey, from: path).publicKeyBytes == first.publicKeyBytes)
        try second.store(isReplacing: true)
        #expect(try KeyFile.load(.nodeKey, from: path).publicKeyBytes == second.publicKeyBytes)
        #expect(directory.names == ["key"])
    }

    @Test func aWrongOrMissingPassphraseIsNamed() throws {
        let file = try makeKeyFile(.operatorKey, passphrase: testPassphrase).file
        #expect(throws: KeyFileError(path: "k", problem: .passphraseMissing)) { try file.signingKey() }
        #expect(throws: KeyFileError(path: "k", problem: .passphraseMissing)) {
            try file.signingKey(passphrase: SecretBytes([]))
        }
        #expect(throws: KeyFileError(path: "k", problem: .passphraseWrong)) {
            try file.signingKey(passphrase: SecretBytes(Array("correct horsf".utf8)))
        }
    }

    @Test(arguments: [0o601, 0o610, 0o620, 0o640, 0o604, 0o644, 0o700, 0o777, 0o4600] as [mode_t])
    func permissionsBeyondTheOwnersAreRefused(mode: mode_t) throws {
        let directory = TemporaryFolder()
        defer { directory.remove() }
        let file = try makeKeyFile(.nodeKey, path: "\(directory.path)/key").file
        try file.store()
        #expect(chmod(file.path, mode) == 0)
        let error = KeyFileError(path: file.path, problem: .permissionsTooWide(mode: mode))
        #expect(throws: error) { try KeyFile.load(.nodeKey, from: file.path) }
        #expect(chmod(file.path, 0o400) == 0)
        #expect(try KeyFile.load(.nodeKey, from: file.path).publicKeyBytes == file.publicKeyBytes)
    }

    @Test func aKeyOfAnotherKindIsRefused() throws {
        let directory = TemporaryFolder()
        defer { directory.remove() }
        let file = try makeKeyFile(.operatorKey, path: "\(directory.path)/key").file
        try file.store()
        let error = KeyFileError(path: file.path, problem: .wrongKind(found: 1, expected: .nodeKey))
        #expect(throws: error) { try KeyFile.load(.nodeKey, from: file.path) }
        #expect(error.description == "\(file.path): holds operator key, expected node key")
    }

    @Test func whatIsNotAFileIsRefusedWithoutWaiting() throws {
        let directory = TemporaryFolder()
        defer { directory.remove() }
        let pipe = "\(directory.path)/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        for path in [directory.path, pipe] {
            #expect(throws: KeyFileError(path: path, problem: .file(.notARegularFile(file: path)))) {
                try KeyFile.load(.nodeKey, from: path)
            }
        }
        let absent = "\(directory.path)/absent"
        #expect(
            throws: KeyFileError(path: absent, problem: .file(.system(file: absent, operation: "open", code: ENOENT)))
        ) {
            try KeyFile.load(.nodeKey, from: absent)
        }
        let file = try makeKeyFile(.nodeKey, path: "\(absent)/key").file
        let error = #expect(throws: KeyFileError.self) { try file.store() }
        guard case .file(.system(_, "create", ENOENT)) = error?.problem else {
            Issue.record("unexpected: \(String(describing: error))")
            return
        }
        #expect(directory.names == ["pipe"])
    }

    @Test(arguments: [false, true])
    func everyOtherLengthIsRefused(isProtected: Bool) throws {
        let directory = TemporaryFolder()
        defer { directory.remove() }
        let file = try makeKeyFile(
            .nodeKey, path: "\(directory.path)/key", passphrase: isProtected ? testPassphrase : nil
        ).file
        try file.store()
        let whole = try File.contents(of: file.path, limitBytes: 4096)
        for count in [0, 1, 12, whole.count - 1, whole.count + 1, 1000] {
            let bytes = Array((whole + [UInt8](repeating: 0, count: 1000)).prefix(count))
            let path = directory.write(bytes, to: "cut")
            let problem = KeyFileError.Problem.wrongLength(byteCount: count, expected: [108, 172])
            #expect(throws: KeyFileError(path: path, problem: problem)) { try KeyFile.load(.nodeKey, from: path) }
        }
    }

    @Test func everyFlippedBitOfAFileIsDetected() throws {
        let directory = TemporaryFolder()
        defer { directory.remove() }
        let file = try makeKeyFile(
            .nodeKey, path: "\(directory.path)/key", passphrase: testPassphrase
        ).file
        try file.store()
        let whole = try File.contents(of: file.path, limitBytes: 4096)
        for bit in 0..<whole.count * 8 {
            var bytes = whole
            bytes[bit / 8] ^= UInt8(1 << (bit % 8))
            let error = #expect(throws: KeyFileError.self) {
                try KeyFile(contents: SecretBytes(bytes), kind: .nodeKey, path: "k")
            }
            switch bit / 8 {
            case 0..<8: #expect(error?.problem == .wrongMagic)
            case 8: #expect(error?.problem == .unsupportedVersion(bytes[8]))
            default: #expect(error?.problem == .damaged)
            }
        }
    }

    /// Files with a good checksum, as somebody would make them who wants to do harm.
    @Test func aHostileFileIsRefusedBeforeItCostsAnything() throws {
        let directory = TemporaryFolder()
        defer { directory.remove() }
        let path = "\(directory.path)/key"
        try makeKeyFile(.nodeKey, path: path, passphrase: testPassphrase).file.store()
        let sealed = try File.contents(of: path, limitBytes: 4096)
        try makeKeyFile(.nodeKey, path: path).file.store(isReplacing: true)
        let clear = try File.contents(of: path, limitBytes: 4096)

        func problem(_ bytes: [UInt8], _ change: (inout [UInt8]) -> Void) -> KeyFileError.Problem? {
            var body = Array(bytes.dropLast(32))
            change(&body)
            let whole = body + Digest(DigestDomain("mesh/key-file"), body).bytes
            do throws(KeyFileError) {
                _ = try KeyFile(contents: SecretBytes(whole), kind: .nodeKey, path: path)
                    .signingKey(passphrase: testPassphrase)
                return nil
            } catch {
                return error.problem
            }
        }
        #expect(problem(sealed) { _ in } == nil)
        #expect(problem(clear) { _ in } == nil)
        #expect(
            problem(sealed) { $0.replaceSubrange(44..<52, with: [3, 0, 0, 0, 0, 0, 16, 64]) }
                == .costOutOfRange(passes: 3, memoryKibibytes: 0x4010_0000))
        #expect(
            problem(sealed) { $0.replaceSubrange(44..<48, with: [255, 255, 255, 255]) }
                == .costOutOfRange(passes: .max, memoryKibibytes: 8))
        #expect(
            problem(sealed) { $0.replaceSubrange(44..<48, with: [0, 0, 0, 0]) }
                == .costOutOfRange(passes: 0, memoryKibibytes: 8))
        #expect(problem(sealed) { $0[12] ^= 1 } == .passphraseWrong)
        #expect(problem(clear) { $0[12] ^= 1 } == .publicKeyMismatch)
        #expect(problem(clear) { $0[9] = 9 } == .wrongKind(found: 9, expected: .nodeKey))
        #expect(problem(clear) { $0[10] = 2 } == .unknownProtection(2))
        #expect(problem(clear) { $0[10] = 1 } == .wrongLength(byteCount: 108, expected: [172]))
        #expect(problem(sealed) { $0[10] = 0 } == .wrongLength(byteCount: 172, expected: [108]))
    }

    /// A fixed file: a change of the format shows here, and needs another version number.
    @Test func theFormatIsPinned() throws {
        let directory = TemporaryFolder()
        defer { directory.remove() }
        var random = SeededRandom(simulationSeed: 0)
        let file = try KeyFile(
            kind: .linkKey, secret: SecretBytes(Array(0..<32)), path: "\(directory.path)/key", random: &random)
        try file.store()
        let expected =
            "6d6573686b65790a" + "01030000" + "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f"
            + "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
            + "123841ecc38bbc06cc6dfa7d0611f86040905d862a9d9383519141ce07d0f8f9"
        #expect(Hex.encode(try File.contents(of: file.path, limitBytes: 4096)) == expected)
    }

    @Test(arguments: 0..<400 as Range<UInt64>)
    func aMutatedFileIsRefusedOrHoldsItsKey(seed: UInt64) throws {
        var random = SeededRandom(simulationSeed: seed)
        keyFileFuzzEntry(random.secret(count: 64).withUnsafeBytes { Array($0) })
    }
}

/// Reads a key file that was changed as `bytes` say, with a checksum that fits in half of the cases. Only a
/// `KeyFileError` may come out, and a key that comes out is the one that its public key names.
func keyFileFuzzEntry(_ bytes: [UInt8]) {
    var rest = bytes[...]
    func next() -> Int { Int(rest.popFirst() ?? 0) }
    let isProtected = next() & 1 == 1
    let kind = KeyKind.allCases[next() % 3]
    guard let made = try? makeKeyFile(kind, passphrase: isProtected ? testPassphrase : nil).file else {
        Issue.record("a key file could not be made")
        return
    }
    let encoded = made.contents.withUnsafeBytes { Array($0) }
    var body = Array(encoded.dropLast(32))
    for _ in 0...next() % 4 {
        switch next() % 4 {
        case 0: body[next() % body.count] ^= UInt8(1 << (next() % 8))
        case 1: body[next() % body.count] = UInt8(next())
        case 2: body.removeLast(next() % 64 % body.count)
        default: body += (0..<next() % 80).map { UInt8($0) }
        }
    }
    let checksum =
        next() & 1 == 0
        ? Digest(DigestDomain("mesh/key-file"), body).bytes : Array(encoded.suffix(32))
    do throws(KeyFileError) {
        let file = try KeyFile(contents: SecretBytes(body + checksum), kind: kind, path: "k")
        // The fuzzer's cost must stay small: what a file may ask for is tested apart.
        guard !file.isProtected || Array(body[44..<52]) == Array(encoded[44..<52]) else { return }
        if kind == .linkKey {
            #expect(try file.linkKey(passphrase: testPassphrase).publicKey.bytes == file.publicKeyBytes)
        } else {
            #expect(try file.signingKey(passphrase: testPassphrase).verifyingKey.bytes == file.publicKeyBytes)
        }
    } catch {
        #expect(error.path == "k")
    }
}
