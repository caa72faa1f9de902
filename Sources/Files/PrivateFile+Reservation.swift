import Foundation

extension PrivateFile {
    /// Makes the file, empty and its owner's alone, before the secret that it is for is made. `write` fills it;
    /// `remove` gives it back where there will be no secret.
    /// - Throws: `PrivateFileFailure` where anything is there already, a link too, or nothing can be made.
    public static func reserve(_ path: String) throws(PrivateFileFailure) {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            let code = errno
            throw code == EEXIST
                ? PrivateFileFailure(path, "exists already and is not written over; give another name or remove it")
                : PrivateFileFailure(path, "cannot be created", code)
        }
        close(file)
    }
}
