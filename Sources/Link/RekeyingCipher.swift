import Crypto

/// One direction of a link: Noise's cipher, which changes its key after every `rekeyFrames` frames, counted alike by
/// both ends, and when told to.
///
/// The counter goes on over a change of key, and so no nonce ever repeats.
struct RekeyingCipher {
    package var cipher: NoiseCipher
    let rekeyFrames: UInt64

    mutating func seal(_ plaintext: [UInt8]) throws(LinkError) -> [UInt8] {
        do {
            let frame = try cipher.encrypt(plaintext)
            rekeyByCount()
            return frame
        } catch {
            guard case .counterExhausted = error else { preconditionFailure("a frame of ours is refused: \(error)") }
            throw .counterExhausted
        }
    }

    mutating func open(_ frame: ArraySlice<UInt8>) throws(LinkError) -> [UInt8] {
        do {
            let plaintext = try cipher.decrypt(frame)
            rekeyByCount()
            return plaintext
        } catch {
            if case .counterExhausted = error { throw .counterExhausted }
            throw .frameNotAuthentic(counter: cipher.counter)
        }
    }

    mutating func rekey() { cipher.rekey() }

    private mutating func rekeyByCount() {
        if cipher.counter.isMultiple(of: rekeyFrames) { cipher.rekey() }
    }
}
