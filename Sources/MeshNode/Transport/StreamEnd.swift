import EventLoop

/// Why a stream of the loop is closed; the core has a `CloseReason` of its own.
typealias StreamCloseReason = CloseReason
