import Glibc

/// Asks before something is signed.
enum Confirmation {
    /// - Parameters:
    ///   - question: without its question mark.
    ///   - isGiven: `--yes`.
    /// - Throws: `Failure` where the answer is no, or there is no terminal to ask at.
    static func ask(_ question: String, isGiven: Bool) throws {
        guard !isGiven else { return }
        guard isatty(STDIN_FILENO) == 1 else {
            throw Failure(
                "nothing was signed: standard input is no terminal to ask at",
                advice: "Give --yes to sign without asking.")
        }
        print("\(question)? [y/N] ", terminator: "")
        fflush(nil)
        guard ["y", "yes"].contains(readLine()?.lowercased()) else { throw Failure("nothing was signed") }
    }
}
