/// Who may keep a place at a control socket: clients that ask for nothing must not keep an operator out.
enum ControlPlaces {
    /// Connections to one of the sockets at a time. Those of one socket take no place of another's.
    static let connectionsMaximum = 64
    /// A client that has sent no whole request for so long is disconnected, in milliseconds.
    static let silentMilliseconds: UInt64 = 10_000
    /// A client that has taken nothing of what waits for it for so long may lose its place, in milliseconds.
    static let stalledMilliseconds: UInt64 = 10_000
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
    }

    static func isOverdue(_ place: Place) -> Bool {
        !place.hasRequested && !place.isAttached && place.quietMilliseconds >= silentMilliseconds
    }

    /// Who gives up a place while all are taken: of the clients that never asked the quietest, else of those that are
    /// idle, else of those that do not take what they asked for; else who has had the most answers, so that clients which ask
    /// without a pause keep nobody out who asks once. Never the trainer. Nil if there is no one else.
    static func givenUp(_ places: [Place]) -> ObjectIdentifier? {
        func quietest(_ places: [Place]) -> ObjectIdentifier? {
            places.max { $0.quietMilliseconds < $1.quietMilliseconds }?.client
        }
        let others = places.filter { !$0.isAttached }
        return quietest(others.filter { !$0.hasRequested })
            ?? quietest(others.filter { !$0.isBusy })
            ?? quietest(others.filter { $0.hasUnsent && $0.quietMilliseconds >= stalledMilliseconds })
            ?? others.max { $0.answered < $1.answered }?.client
    }
}
