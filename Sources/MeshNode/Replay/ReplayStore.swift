import Crypto
import Ledger
import System

/// How far a replay without excluded contributions has come.
struct ReplayMark: Sendable, Equatable {
    /// Names what is left out.
    let exclusions: Digest
    /// The last version that is made anew.
    let height: Height
    let root: Digest
}

/// `state/replay/`: the parameters that a replay has come to, under a name that says all. What a process before this
/// one left is gone on with. Two versions of the parameters at most, and one while nothing is averaged.
struct ReplayStore: Sendable {
    let parameters: ParameterStore

    private var folder: String { parameters.state.replay }

    func path(_ mark: ReplayMark) -> String { "\(folder)/\(mark.exclusions)-\(mark.height)-\(mark.root).f32" }

    /// Where the next version is written before its root is known.
    var next: String { folder + "/next.f32" }

    /// Nil for the name of anything else.
    static func mark(of name: String) -> ReplayMark? {
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        guard name.hasSuffix(".f32"), parts.count == 3, let exclusions = Digest(hex: String(parts[0])),
            let height = UInt64(parts[1]), height <= Limits.heightMaximum,
            let root = Digest(hex: String(parts[2].dropLast(4)))
        else { return nil }
        return ReplayMark(exclusions: exclusions, height: Height(height), root: root)
    }

    /// The furthest that a replay without these exclusions came, at most to `last`; everything else is removed.
    func resume(exclusions: Digest, through last: Height) throws(FileError) -> ReplayMark? {
        let marks = try Folder.names(in: folder).compactMap { ReplayStore.mark(of: $0) }
            .filter { $0.exclusions == exclusions && $0.height <= last }
        let best = marks.max { $0.height < $1.height }
        try clear(except: best)
        return best
    }

    /// Begins with kept parameters of the chain: the same bytes under a second name, so that nothing takes them away.
    func begin(_ mark: ReplayMark) throws(FileError) {
        try File.link(parameters.state.parameters(mark.root), as: path(mark))
    }

    /// Goes from one mark to the next, whose parameters lie under `next` unless they are the same.
    func advance(_ old: ReplayMark, to new: ReplayMark) throws(FileError) {
        try File.rename(old.root == new.root ? path(old) : next, to: path(new))
        if old.root != new.root { File.remove(path(old)) }
    }

    /// Puts the result among the versions' parameters too, as an averaged candidate is.
    func offer(_ mark: ReplayMark) throws(FileError) {
        try File.link(path(mark), as: parameters.state.parameters(mark.root))
    }

    func clear(except kept: ReplayMark? = nil) throws(FileError) {
        for name in try Folder.names(in: folder) where kept.map({ folder + "/" + name != path($0) }) ?? true {
            File.remove(folder + "/" + name)
        }
    }
}
