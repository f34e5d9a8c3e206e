import Crypto
import Foundation
import GRDB
import Ledger

/// The columns of a row as they are checked: read with their type, and held against the row's checksum.
///
/// A damaged database can hand out a value of any type and length, so nothing is taken for granted here.
enum Column {
    private static let domain = DigestDomain("mesh/row")

    /// The checksum of a row: BLAKE2b-256 over the table's name and all other columns in order, as CBOR.
    static func checksum(_ table: String, _ columns: [CBOR]) -> Data {
        Data(Digest(domain, CBOR.array([.text(table)] + columns).encoded).bytes)
    }

    static func check(
        _ row: Row, _ columns: [CBOR], _ table: String, _ name: String, _ path: String
    ) throws(StoreError) {
        guard case .blob(let found)? = value(row, "checksum"), found == checksum(table, columns) else {
            throw .damagedRow(file: path, table: table, row: name)
        }
    }

    static func text(
        _ row: Row, _ column: String, _ table: String, _ name: String, _ path: String
    ) throws(StoreError) -> String {
        guard case .string(let text)? = value(row, column) else {
            throw .damagedRow(file: path, table: table, row: name)
        }
        return text
    }

    static func optionalText(
        _ row: Row, _ column: String, _ table: String, _ name: String, _ path: String
    ) throws(StoreError) -> String? {
        switch value(row, column) {
        case .null?: return nil
        case .string(let text)?: return text
        default: throw .damagedRow(file: path, table: table, row: name)
        }
    }

    static func bytes(
        _ row: Row, _ column: String, _ table: String, _ name: String, _ path: String
    ) throws(StoreError) -> [UInt8] {
        guard case .blob(let data)? = value(row, column) else {
            throw .damagedRow(file: path, table: table, row: name)
        }
        return [UInt8](data)
    }

    static func digest(
        _ row: Row, _ column: String, _ table: String, _ name: String, _ path: String
    ) throws(StoreError) -> Digest {
        guard let digest = Digest(bytes: try bytes(row, column, table, name, path)) else {
            throw .damagedRow(file: path, table: table, row: name)
        }
        return digest
    }

    static func unsigned(
        _ row: Row, _ column: String, _ table: String, _ name: String, _ path: String
    ) throws(StoreError) -> UInt64 {
        guard case .int64(let number)? = value(row, column), number >= 0 else {
            throw .damagedRow(file: path, table: table, row: name)
        }
        return UInt64(number)
    }

    static func optionalUnsigned(
        _ row: Row, _ column: String, _ table: String, _ name: String, _ path: String
    ) throws(StoreError) -> UInt64? {
        if case .null? = value(row, column) { return nil }
        return try unsigned(row, column, table, name, path)
    }

    private static func value(_ row: Row, _ column: String) -> DatabaseValue.Storage? {
        (row[column] as DatabaseValue?)?.storage
    }
}

extension CBOR {
    /// A column that may be NULL.
    static func optionalColumn(_ value: UInt64?) -> CBOR { value.map { .unsigned($0) } ?? .null }
    static func optionalColumn(_ value: String?) -> CBOR { value.map { .text($0) } ?? .null }
}
