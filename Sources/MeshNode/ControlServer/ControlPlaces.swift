/// Who may keep a place at a control socket: clients that ask for nothing must not keep an operator out.
enum ControlPlaces {
    /// Connections to one of the sockets at a time. Those of one socket take no place of another's.
    static let connectionsMaximum = 64
    /// A client that has sent no whole request for so long is disconnected, in milliseconds.
    static let silentMilliseconds: UInt64 = 10_000
    /// A client that has taken nothing of what waits for it for so long may lose its place, in milliseconds.
    static let stalledMilliseconds: UInt64 = 10_000
    /// For so long a client that just connected is not taken for one that never asks, in milliseconds.
    static let firstRequestMilliseconds: UInt64 = 500
    /// A client that asks again sooner than this is not idle, in milliseconds: an operator's program needs some time between
    /// two requests.
    static let idleMilliseconds: UInt64 = 1_000
    static let tickMilliseconds: UInt64 = 1_000

    /// What is known of one client.
    struct Place {
        let client: ObjectIdentifier
        /// The trainer is told of every version: it has something to wait for.
        let isAttached: Bool
        let hasRequested: Bool
        /// Something that it asked for is under way.
        let isBusy: Bool
        let hasUnsent: Bool
        /// How long nothing came from it and it took nothing.
        let quietMilliseconds: UInt64
        /// Requests that were answered or refused.
        let answered: UInt64
        /// The process at the other end, 0 if that is not known.
        let process: Int32
    }

    static func isOverdue(_ place: Place) -> Bool {
        !place.hasRequested && !place.isAttached && place.quietMilliseconds >= silentMilliseconds
    }

    /// Who gives up a place while all are taken: a client of the process that has the most places, so that one process cannot
    /// keep others out. Of its clients the quietest that has had time to ask and did not; else the quietest that is idle;
    /// else one that does not take what it asked for; else the one with the most answers, so that of many busy processes
    /// none keeps out a client that asks for little; else the quietest. Never the trainer. Nil if there is no one else.
    static func givenUp(_ places: [Place]) -> ObjectIdentifier? {
        func quietest(_ places: [Place]) -> ObjectIdentifier? {
            places.max { $0.quietMilliseconds < $1.quietMilliseconds }?.client
        }
        let all = places.filter { !$0.isAttached }
        let counts = Dictionary(grouping: all, by: \.process).mapValues(\.count)
        let most = counts.values.max() ?? 0
        let others = all.filter { counts[$0.process] == most }
        let asked = others.filter(\.hasRequested)
        return quietest(others.filter { !$0.hasRequested && $0.quietMilliseconds >= firstRequestMilliseconds })
            ?? quietest(asked.filter { !$0.isBusy && $0.quietMilliseconds >= idleMilliseconds })
            ?? quietest(asked.filter { $0.hasUnsent && $0.quietMilliseconds >= stalledMilliseconds })
            ?? asked.max { $0.answered < $1.answered }?.client
            ?? quietest(others)
    }
}
