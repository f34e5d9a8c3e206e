/// `data.sets`: the data sets that contributions on the chain name, the newest first.
public struct DataSetsRequest: ControlMethod {
    /// Only those whose id begins with these digits.
    public let digits: String?

    public typealias Response = DataSets
    public static let schema = MethodSchema(
        "data.sets", role: .auditor, fields: [FieldSchema("digits", .digestPrefix, isOptional: true)])

    public init(digits: String? = nil) {
        self.digits = digits
    }
}

/// Data sets, the one that was named last first; the newest `listMaximum`.
public struct DataSets: Codable, Hashable, Sendable {
    public let dataSets: [DataSetSummary]

    public static let listMaximum = 1000

    public init(dataSets: [DataSetSummary]) {
        self.dataSets = dataSets
    }
}

/// What the chain says of one data set.
public struct DataSetSummary: Codable, Hashable, Sendable {
    public let dataSet: DigestText
    /// Listed contributions that name it.
    public let contributions: Int64
    /// Their authors, by ascending name; those of the newest where they are more than `authorsMaximum`.
    public let authors: [SiteName]
    /// The first and the last version that lists one.
    public let first: Int64
    public let last: Int64
    /// Whether the members decided to take it back.
    public let isExcluded: Bool

    public static let authorsMaximum = 16

    public init(
        dataSet: DigestText, contributions: Int64, authors: [SiteName], first: Int64, last: Int64, isExcluded: Bool
    ) {
        self.dataSet = dataSet
        self.contributions = contributions
        self.authors = authors
        self.first = first
        self.last = last
        self.isExcluded = isExcluded
    }
}

/// `contributions.find`: listed contributions whose digest begins with these digits.
public struct ContributionsFind: ControlMethod {
    public let digits: String

    public typealias Response = ContributionsFound
    public static let schema = MethodSchema(
        "contributions.find", role: .auditor, fields: [FieldSchema("digits", .digestPrefix)])

    public init(digits: String) {
        self.digits = digits
    }
}

/// At most `listMaximum`, the newest first.
public struct ContributionsFound: Codable, Hashable, Sendable {
    public let contributions: [RevertedContribution]

    public static let listMaximum = 20

    public init(contributions: [RevertedContribution]) {
        self.contributions = contributions
    }
}
