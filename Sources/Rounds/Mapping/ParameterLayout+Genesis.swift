import Ledger
import Tensor

extension ParameterLayout {
    /// The layout of the flat parameter vector that a genesis founds: its tensors in its order.
    ///
    /// - Throws: `LayoutError` for what no vector can hold: no tensors, a bad name, more than 2^40 parameters.
    public init(_ genesis: Genesis) throws(LayoutError) {
        // A dimension is at most 2^40 by the record's limits.
        try self.init(genesis.tensors.map { ($0.name, $0.shape.map { Int($0) }) })
    }
}

extension TensorShape {
    /// The tensors of a layout as a genesis names them.
    public static func list(of layout: ParameterLayout) -> [TensorShape] {
        layout.tensors.map { TensorShape(name: $0.name, shape: $0.shape.map { UInt64($0) }) }
    }
}
