/// What ends a verb: a sentence for people, and what to do about it where that is known.
struct Failure: Error, CustomStringConvertible {
    let message: String
    let advice: String?

    init(_ message: String, advice: String? = nil) {
        self.message = message
        self.advice = advice
    }

    var description: String {
        guard let advice else { return message }
        return "\(message)\n  \(advice)"
    }
}
