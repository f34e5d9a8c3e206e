import Control

extension TestSites {
    /// What a site's daemon answers its operator about the contributions of a height.
    func contributions(at index: Int, height: Int64) throws -> [ContributionSummary] {
        let client = try TestClient.connect(loop, to: configuration(index).sockets.operator.path)
        defer { client.stream.close() }
        client.read()
        try client.ask(1, ContributionsRequest(height: height))
        try wait(for: "an answer") { client.isAnswered(1) }
        for case .response(1, let result) in client.replies {
            return try result.decoded(for: ContributionsRequest.self).contributions
        }
        return []
    }
}
