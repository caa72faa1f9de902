import Files
import FleetStore

/// A database that was lost is not taken for a new fleet's.
///
/// On its first start a coordinator makes the database before its key, each flushed before the next. So where the key
/// is, a database was: whichever moment a first start is killed at, the next one goes on.
enum DatabaseLoss {
    /// - Throws: where the state folder has a key and no database, or an empty one, which would be filled anew.
    static func refuse(in folder: String) throws(PrivateFileFailure) {
        let path = folder + "/fleet.sqlite"
        guard PrivateFile.exists(folder + "/key.json"), SQLiteFleetStore.isEmpty(path) else { return }
        throw PrivateFileFailure(
            path,
            "is missing or empty, though key.json of its fleet is there; restore it from a backup, or give "
                + "--new-database to begin a fleet without boards")
    }
}
