import Control
import Ledger

extension ControlServer {
    /// Streams the parameters of a certified version, checked block by block as they are read.
    func exportParameters(_ id: Int64, _ parameters: ParametersExportBegin, _ connection: ControlConnection) {
        guard let height = existing(parameters.height, id, connection) else { return }
        if height == .genesis { return sendParameters(of: site.genesis.version, id, connection) }
        let database = keeper.database
        read(
            id, connection, { () throws(StoreError) in try database.versions(in: height...height).first?.version },
            { [self] version in
                guard let version else {
                    return connection.refuse(
                        id, ControlRefusal(.notFound, message: "there is no version \(height) here"))
                }
                sendParameters(of: version, id, connection)
            })
    }

    private func sendParameters(of version: Version, _ id: Int64, _ connection: ControlConnection) {
        guard let file = try? keeper.jobs.parameters.open(version.roots.name) else {
            return connection.refuse(
                id,
                ControlRefusal(.notFound, message: "the parameters of version \(version.height) are no longer kept"))
        }
        guard connection.beginSending(.parameters, for: id) else { return }
        let transfer = id & 0x7fff_ffff
        connection.answer(
            id, to: ParametersExportBegin.self,
            ParametersExport(
                transfer: transfer, bytes: Int64(4 * keeper.jobs.layout.parameterCount),
                height: Int64(version.height.value), version: text(version.versionDigest),
                parametersRoot: text(file.root)))
        OutgoingBase(
            file: file, layout: keeper.jobs.layout, transfer: UInt32(transfer), connection: connection, keeper: keeper
        ).start()
    }
}
