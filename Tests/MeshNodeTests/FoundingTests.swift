import Crypto
import Ledger
import Rounds
import System
import Tensor
import TestKit
import Testing

@testable import MeshNode

/// Version 0 of a fork that goes on with its origin's optimizer, as a daemon finds it on disk.
struct FoundingTests {
    @Test(
        "Version 0 has the optimizer's state that lies beside the weights; without it, or with another, it is missing")
    func importsOptimizerState() throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let model = folder.path + "/model"
        try Folder.make(model, mode: 0o700)
        try Folder.make(model + "/" + OptimizerStateFile.folder, mode: 0o700)
        let layout = try ParameterLayout([("bias", [6])])
        let (values, state): ([Float], [Float]) = ([1, -2, 3, -4, 5, -6], [0.5, 0, 1, 2, 3, 4, 12])
        try SafetensorsFile.write(ParameterArray(values), layout: layout, to: model + "/model.safetensors")
        let path = OptimizerStateFile.path(of: model)
        try OptimizerStateFile.write(ParameterArray(state), layout: layout, metadata: [], to: path)
        let roots = StateRoots(
            parameters: try ParameterFile.tree(of: ParameterArray(values)).root,
            outer: try ParameterFile.tree(of: ParameterArray(state)).root)
        let store = ParameterStore(
            state: try StateDirectory(path: folder.path + "/state"), layout: layout,
            shape: StateShape(layout, .sharedAdamW))
        for path in [model, model + "/model.safetensors"] {
            try store.importModel(path, expecting: roots)
            let file = try store.open(roots.name)
            #expect(try file.readAll() == values)
            #expect(try file.outer?.readAll() == state)
            store.remove(roots.name)
        }

        func importFails() {
            #expect {
                try store.importModel(model, expecting: roots)
            } throws: { error in
                if case StoreError.missingParameters = error { true } else { false }
            }
            #expect(!store.has(roots.name))
        }
        try OptimizerStateFile.write(
            ParameterArray(state.dropLast() + [13]), layout: layout, metadata: [], to: path)
        importFails()
        File.remove(path)
        importFails()
    }
}
