/// Owned, uninitialised memory for numbers: scratch that a job keeps from block to block.
final class Storage<Element: BitwiseCopyable> {
    let buffer: UnsafeMutableBufferPointer<Element>

    init(count: Int, filledWith value: Element) {
        buffer = .allocate(capacity: count)
        buffer.initialize(repeating: value)
    }

    deinit { buffer.deallocate() }

    var pointer: UnsafeMutablePointer<Element> { buffer.baseAddress! }

    subscript(index: Int) -> Element {
        get { buffer[index] }
        set { buffer[index] = newValue }
    }
}
