import Testing

@testable import Control

@Suite struct SchemaTests {
    /// True where nothing but numbers, booleans, digests and their beginnings, site names and listed words can stand in a field.
    private func isClosed(_ kind: FieldKind, of method: MethodSchema) -> Bool {
        switch kind {
        // What an operator signed, and never a trainer's.
        case .record(let count): method.role == .operator && count <= 64 << 10
        case .integer, .number, .boolean, .digest, .digestPrefix, .memberName: true
        case .enumeration(let words):
            !words.isEmpty && words.count <= 64 && words.allSatisfy { $0.utf8.count <= 32 }
        case .list(let element, let count): count <= 64 && isClosed(element, of: method)
        }
    }

    @Test(arguments: ControlSchema.methods) func noFieldIsFreeTextOrAPath(method: MethodSchema) {
        for field in method.fields { #expect(isClosed(field.kind, of: method), "\(method.name).\(field.name)") }
    }

    @Test func methodNamesAreUniqueAndFieldsToo() {
        let names = ControlSchema.methods.map(\.name)
        #expect(Set(names).count == names.count)
        for method in ControlSchema.methods { #expect(Set(method.fields.map(\.name)).count == method.fields.count) }
    }

    @Test(arguments: Samples.towardDaemon) func everyGoodValueIsAccepted(method: MethodSchema) throws {
        for field in method.fields {
            for value in Samples.good(field.kind) {
                let text = Samples.request(method, replacing: field.name, by: value)
                let request = try ControlRequest.decode(Array(text.utf8), role: method.role)
                #expect(request.id == 7)
            }
        }
        _ = try ControlRequest.decode(Array(Samples.request(method).utf8), role: method.role)
    }

    @Test(arguments: Samples.towardDaemon) func everyValueOutsideOfItsKindIsRefused(method: MethodSchema) {
        for field in method.fields {
            for value in Samples.bad(field.kind) {
                let text = Samples.request(method, replacing: field.name, by: value)
                #expect(throws: RejectedRequest.self, "\(text)") {
                    try ControlRequest.decode(Array(text.utf8), role: method.role)
                }
            }
        }
    }

    @Test(arguments: Samples.towardDaemon) func anUnknownFieldIsRefused(method: MethodSchema) {
        for name in ["path", "file", "text", "comment", "data", "id "] {
            let extra = "\"\(name)\":1"
            let text = Samples.request(method)
                .replacing("\"params\":{", with: "\"params\":{" + extra + (method.fields.isEmpty ? "" : ","))
            #expect(
                throws: RejectedRequest(
                    id: 7, error: .invalidParameters(method: method.name, problem: .unknownField))
            ) { try ControlRequest.decode(Array(text.utf8), role: method.role) }
        }
    }

    @Test(arguments: Samples.towardDaemon) func aMissingFieldIsNamedUnlessItIsOptional(method: MethodSchema) throws {
        for field in method.fields {
            let members = method.fields.filter { $0.name != field.name }.map {
                "\"\($0.name)\":" + Samples.good($0.kind)[0]
            }
            let text =
                "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"\(method.name)\",\"params\":{"
                + members.joined(separator: ",") + "}}"
            if field.isOptional {
                _ = try ControlRequest.decode(Array(text.utf8), role: method.role)
            } else {
                #expect(
                    throws: RejectedRequest(
                        id: 7, error: .invalidParameters(method: method.name, problem: .missingField(field.name)))
                ) { try ControlRequest.decode(Array(text.utf8), role: method.role) }
            }
        }
    }

    @Test(arguments: Samples.towardDaemon) func wrongSocket_isRefusedAndTheRightOneNamed(method: MethodSchema) throws {
        for role in ControlRole.allCases {
            let bytes = Array(Samples.request(method).utf8)
            if role == method.role || (role == .operator && method.role == .auditor) {
                #expect(try ControlRequest.decode(bytes, role: role).id == 7)
                continue
            }
            let error = ControlError.wrongSocket(method: method.name, role: role, needed: method.role)
            #expect(throws: RejectedRequest(id: 7, error: error)) { try ControlRequest.decode(bytes, role: role) }
            let refusal = ControlRefusal(error)
            #expect(refusal.reason == .wrongSocket)
            #expect(refusal.data.socket == (method.role == .trainer ? .trainer : .operator))
            #expect(refusal.message.contains("use the \(method.role == .trainer ? "trainer" : "operator") socket"))
        }
    }

    @Test func trainerSocket_answersAClosedListOfMethods() {
        let answered = ControlSchema.methods.filter { ControlRole.trainer.mayCall(methodOf: $0.role) }.map(\.name)
        #expect(
            answered == [
                "trainer.attach", "trainer.base", "trainer.contribute.begin", "trainer.contribute.commit",
                "trainer.contribute.abort", "trainer.trouble", "round.version", "round.closing",
            ])
    }

    @Test func auditorSocket_answersNoMethodThatHasAnEffect() {
        let effects = ControlSchema.methods.filter { $0.role == .operator }.map(\.name)
        #expect(
            effects.sorted() == ["invite", "invite.withdraw", "proposal.judge", "proposal.submit", "review.submit"])
        for method in ControlSchema.methods where ControlRole.auditor.mayCall(methodOf: method.role) {
            #expect(method.frames.allSatisfy { !$0.isTowardDaemon }, "\(method.name)")
        }
    }

    @Test func aTrainerMayOnlySendContributions() {
        let toward = ControlSchema.methods.filter { $0.role == .trainer }.flatMap(\.frames).filter(\.isTowardDaemon)
        #expect(toward == [.delta, .encoded])
    }
}
