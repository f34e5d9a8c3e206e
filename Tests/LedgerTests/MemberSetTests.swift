import Crypto
import Testing

@testable import Ledger

@Suite struct MemberSetTests {
    @Test(arguments: 1...100)
    func quorumsShareAnHonestMember(count: Int) throws {
        let members = try ChainBuilder(siteCount: count).genesis.members
        let (n, f, q) = (members.count, members.faultBound, members.quorum)
        #expect(n == count)
        // The largest f with n >= 3f + 1.
        #expect(n >= 3 * f + 1 && n < 3 * (f + 1) + 1)
        // Two quorums share at least f + 1, hence one honest member.
        #expect(2 * q - n >= f + 1)
        // The honest alone are a quorum, and no smaller number than that is one.
        #expect(q == n - f)
    }

    @Test(arguments: [(4, 1, 3), (5, 1, 4), (7, 2, 5), (10, 3, 7), (1, 0, 1), (3, 0, 3), (64, 21, 43)])
    func knownSizes(count: Int, faultBound: Int, quorum: Int) throws {
        let members = try ChainBuilder(siteCount: count).genesis.members
        #expect(members.faultBound == faultBound)
        #expect(members.quorum == quorum)
    }

    @Test func findsMembersByIdKeyAndName() throws {
        let builder = try ChainBuilder(siteCount: 7)
        let members = builder.genesis.members
        for (index, site) in builder.sites.enumerated() {
            #expect(members.index(of: site.member.id) == index)
            #expect(members[site.member.id] == site.member)
            #expect(members.member(linkKey: site.member.linkKey) == site.member)
            #expect(members.member(named: site.member.name) == site.member)
        }
        let stranger = ChainBuilder.site(99).member
        #expect(members[stranger.id] == nil)
        #expect(members.member(linkKey: stranger.linkKey) == nil)
    }

    @Test func keysAndNamesAreUnique() throws {
        let site = ChainBuilder.site(0).member
        let other = ChainBuilder.site(1).member
        func with(name: String? = nil, node: VerifyingKey? = nil, link: LinkPublicKey? = nil) -> Member {
            Member(
                id: other.id, name: name ?? other.name, operatorKey: other.operatorKey, nodeKey: node ?? other.nodeKey,
                linkKey: link ?? other.linkKey, keyEpoch: 0)
        }
        #expect(throws: RecordError.notAscending(key: "members")) { try MemberSet(members: [site, site]) }
        #expect(throws: RecordError.outOfRange(key: "name")) {
            try MemberSet(members: [site, with(name: site.name)])
        }
        #expect(throws: RecordError.outOfRange(key: "node_key")) {
            try MemberSet(members: [site, with(node: site.nodeKey)])
        }
        #expect(throws: RecordError.outOfRange(key: "link_key")) {
            try MemberSet(members: [site, with(link: site.linkKey)])
        }
        #expect(throws: RecordError.outOfRange(key: "members")) { try MemberSet(members: []) }
        #expect(try MemberSet(members: [site, other]) == MemberSet(members: [other, site]))
    }
}
