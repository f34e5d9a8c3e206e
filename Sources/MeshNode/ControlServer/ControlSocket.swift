import Control
import EventLoop
import Glibc
import SiteFiles

/// One socket of the daemon, with its group looked up.
struct ControlSocket {
    let role: ControlRole
    let path: String
    let access: PipeListener.Access

    /// The sockets of a configuration.
    ///
    /// - Throws: `DaemonError` where a group does not exist, where this process may not give a file that group, or where the
    ///   members of the trainer's group could open another socket too.
    static func all(_ sockets: Configuration.Sockets) throws(DaemonError) -> [ControlSocket] {
        var all: [(role: ControlRole, socket: Configuration.Socket)] = [
            (.trainer, sockets.trainer), (.operator, sockets.operator),
        ]
        if let auditor = sockets.auditor { all.append((.auditor, auditor)) }
        var trainerGroup: gid_t?
        var result: [ControlSocket] = []
        for (role, socket) in all {
            guard socket.isForGroup else {
                result.append(ControlSocket(role: role, path: socket.path, access: .owner))
                continue
            }
            let group = try groupIdentifier(socket.group, of: role)
            if role == .trainer {
                trainerGroup = group
            } else if group == trainerGroup {
                throw DaemonError(
                    "[sockets] \(role.rawValue)_group: is the group of the trainer socket, so a trainer could use the "
                        + "\(role.rawValue) socket; name another group")
            }
            result.append(ControlSocket(role: role, path: socket.path, access: .ownerAndGroup(group)))
        }
        return result
    }

    private static func groupIdentifier(_ name: String?, of role: ControlRole) throws(DaemonError) -> gid_t {
        guard let name else { return getegid() }
        guard let group = lookUp(name) else {
            throw DaemonError("[sockets] \(role.rawValue)_group: there is no group \(name) on this machine")
        }
        guard geteuid() == 0 || getegid() == group || supplementaryGroups.contains(group) else {
            throw DaemonError(
                "[sockets] \(role.rawValue)_group: this process is not in the group \(name); with systemd, add it to "
                    + "SupplementaryGroups of meshnode.service")
        }
        return group
    }

    private static func lookUp(_ name: String) -> gid_t? {
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var buffer = [CChar](repeating: 0, count: 1 << 16)
        guard getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return entry.gr_gid
    }

    private static var supplementaryGroups: [gid_t] {
        let count = getgroups(0, nil)
        guard count > 0 else { return [] }
        var groups = [gid_t](repeating: 0, count: Int(count))
        let filled = getgroups(count, &groups)
        return filled > 0 ? Array(groups.prefix(Int(filled))) : []
    }
}
