/// A site by its place on the command line.
struct SiteIndex: Hashable, Comparable, Sendable {
    let value: Int
    init(_ value: Int) { self.value = value }
    static func < (left: SiteIndex, right: SiteIndex) -> Bool { left.value < right.value }
}

/// The way from one site to another; the way back is another path.
struct Path: Hashable, Comparable, Sendable {
    let from: SiteIndex
    let to: SiteIndex

    static func < (left: Path, right: Path) -> Bool {
        left.from == right.from ? left.to < right.to : left.from < right.from
    }
}

/// Which paths are cut. Cutting one direction leaves the other as it is.
struct Paths {
    let siteNames: [String]
    private(set) var cut: Set<Path> = []

    init(siteNames: [String]) { self.siteNames = siteNames }

    var sites: [SiteIndex] { siteNames.indices.map { SiteIndex($0) } }

    func name(of site: SiteIndex) -> String { siteNames[site.value] }

    func isCut(_ path: Path) -> Bool { cut.contains(path) }

    /// Returns the paths that this changed, ascending.
    mutating func perform(_ command: Command) -> [Path] {
        switch command {
        case .cut(let from, let to):
            let changed = paths(from, to).filter { !cut.contains($0) }
            cut.formUnion(changed)
            return changed
        case .heal(let from, let to):
            let changed = paths(from, to).filter { cut.contains($0) }
            cut.subtract(changed)
            return changed
        case .report: return []
        }
    }

    private func paths(_ from: SiteIndex?, _ to: SiteIndex?) -> [Path] {
        let all = sites.flatMap { left in sites.filter { $0 != left }.map { Path(from: left, to: $0) } }
        return all.filter { (from ?? $0.from) == $0.from && (to ?? $0.to) == $0.to }
    }
}
