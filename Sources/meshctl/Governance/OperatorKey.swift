import ArgumentParser
import Crypto
import Glibc
import Ledger
import System

/// Where the operator key is. It may lie on a machine without a daemon: a proposal then comes and goes as a file.
struct OperatorKeyOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The directory with operator.key.", valueName: "dir"))
    var key: String?

    @OptionGroup var passphrase: PassphraseOption

    func required() throws -> KeyDirectory {
        guard let key else {
            throw Failure("no operator key was named", advice: "Give --key DIR, the directory with operator.key.")
        }
        return KeyDirectory(key)
    }

    /// The member whose operator key is in the directory, with that key.
    ///
    /// - Parameter members: from this site's own daemon, or from a file.
    func signer(in members: MemberSet, areFromDaemon: Bool) throws -> OperatorSigner {
        try OperatorSigner(required(), members: members, passphrase, endsRotation: areFromDaemon)
    }
}

/// A member's operator, ready to sign.
struct OperatorSigner {
    let member: Member
    private let key: SigningKey

    /// Takes `operator.key`, or `operator.key.next` where a rotation has made that one the member's.
    ///
    /// - Parameter endsRotation: lets the next key take the place of the retired one, which is gone then. Never on the word of
    ///   a file: whoever wrote it may know of a rotation that the members have not agreed on, or never will.
    init(
        _ directory: KeyDirectory, members: MemberSet, _ passphrase: PassphraseOption, endsRotation: Bool
    ) throws {
        for isNext in [false, true] {
            guard !isNext || File.exists(directory.nextOperatorKey) else { continue }
            let bytes = try directory.publicKeyBytes(.operatorKey, isNext: isNext)
            guard let member = members.members.first(where: { $0.operatorKey.bytes == bytes }) else { continue }
            self.member = member
            key = try directory.signingKey(.operatorKey, passphrase, isNext: isNext)
            if isNext, endsRotation {
                guard rename(directory.nextOperatorKey, directory.operatorKey) == 0 else {
                    throw Failure("cannot rename \(directory.nextOperatorKey) to \(directory.operatorKey)")
                }
            }
            return
        }
        throw Failure(
            "no member has the operator key in \(directory.path): members are \(Words.list(members.members.map(\.name)))",
            advice: "Is this the right directory, and was the key not rotated since?")
    }

    func signature(over statement: some Statement, network: NetworkID) -> OperatorSignature {
        OperatorSignature(
            signer: member.id, keyEpoch: member.keyEpoch, signature: statement.signature(by: key, network: network))
    }

    /// The invitation signed by this operator.
    func sign(_ invitation: Invitation, network: NetworkID) -> SignedInvitation {
        SignedInvitation(invitation, network: network, operatorKey: key)
    }
}
