import FoundationEssentials
import Testing

@testable import Control

@Suite struct DocumentationTests {
    @Test func thePageNamesEveryMethodFieldWordAndReason() throws {
        let root = String(#filePath.split(separator: "/").dropLast(3).joined(separator: "/"))
        let page = try String(contentsOfFile: "/\(root)/Docs/control.md", encoding: .utf8)
        var names = ControlReason.allCases.map(\.rawValue)
        for method in ControlSchema.methods {
            names.append(method.name)
            for field in method.fields {
                names.append(field.name)
                if case .enumeration(let words) = field.kind { names += words }
            }
        }
        names += RoundPhase.allCases.map(\.rawValue) + Waiting.Reason.allCases.map(\.rawValue)
        names += LinkState.allCases.map(\.rawValue) + TrainerState.allCases.map(\.rawValue)
        names += DiskState.allCases.map(\.rawValue) + Alarm.Kind.allCases.map(\.rawValue)
        names += VersionResponse.Action.allCases.map(\.rawValue) + CodecProfile.Name.allCases.map(\.rawValue)
        names += EvidenceSummary.Kind.allCases.map(\.rawValue)
        names += ProposalOpinion.Verdict.allCases.map(\.rawValue) + ProposalDecision.End.allCases.map(\.rawValue)
        for name in names { #expect(page.contains("`\(name)`"), "\(name)") }
    }
}
