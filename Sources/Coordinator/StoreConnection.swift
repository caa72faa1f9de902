import Files
import Foundation
import PostgreSQLFleetStore

/// Where the connection string of a shared database comes from: never the command line, which everybody on the machine
/// can read.
public enum StoreConnection {
    public static let variable = "SHOAL_STORE_CONNECTION"

    /// - Parameter file: of the owner alone; without one the environment is asked, the process's where none is given.
    /// - Throws: `PrivateFileFailure`, which names the place and not what stands there.
    public static func choice(
        file: String?, environment: [String: String]? = nil
    ) throws -> StoreChoice {
        if let file { return .postgreSQL(try PostgreSQLAddress(file: file)) }
        let variables = environment ?? ProcessInfo.processInfo.environment
        guard let text = variables[variable], let address = PostgreSQLAddress(text) else {
            throw StoreConnectionFailure()
        }
        return .postgreSQL(address)
    }
}

public struct StoreConnectionFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let description =
        "\(StoreConnection.variable) holds no connection string of PostgreSQL; set it, or name a file with "
        + "--store-connection."
}
