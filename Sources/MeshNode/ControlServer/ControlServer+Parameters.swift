import Control
import Ledger
import Tensor

extension ControlServer {
    /// Streams a part of a certified version's state, checked block by block as it is read.
    func exportParameters(_ id: Int64, _ parameters: ParametersExportBegin, _ connection: ControlConnection) {
        guard let height = existing(parameters.height, id, connection) else { return }
        let part = parameters.part ?? .parameters
        if height == .genesis { return send(part, of: site.genesis.version, id, connection) }
        let database = driver.database
        read(
            id, connection, { () throws(StoreError) in try database.versions(in: height...height).first?.version },
            { [self] version in
                guard let version else {
                    return connection.refuse(
                        id, ControlRefusal(.notFound, message: "there is no version \(height) here"))
                }
                send(part, of: version, id, connection)
            })
    }

    private func send(_ part: StatePart, of version: Version, _ id: Int64, _ connection: ControlConnection) {
        guard let file = try? driver.jobs.parameters.open(version.roots.name) else {
            return connection.refuse(
                id,
                ControlRefusal(.notFound, message: "the state of version \(version.height) is no longer kept"))
        }
        let source: (any ParameterSource)? =
            switch part {
            case .parameters: file
            case .optimizer: file.outer
            }
        guard let source else {
            return connection.refuse(
                id,
                ControlRefusal(
                    .notFound,
                    message: "the sites of this mesh share no optimizer: no version has a state beside its parameters"))
        }
        guard connection.beginSending(.parameters, for: id) else { return }
        let transfer = id & 0x7fff_ffff
        connection.answer(
            id, to: ParametersExportBegin.self,
            ParametersExport(
                transfer: transfer, bytes: Int64(4 * source.parameterCount), height: Int64(version.height.value),
                version: text(version.versionDigest),
                root: text(part == .parameters ? version.roots.parameters : version.roots.outer)))
        OutgoingState(
            source: source, layout: driver.jobs.layout, transfer: UInt32(transfer), connection: connection,
            driver: driver
        ).start()
    }
}
