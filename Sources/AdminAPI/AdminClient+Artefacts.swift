import Crypto
import Foundation

extension AdminClient {
    /// Sends a file, piece by piece, and makes it a version.
    /// - Throws: `AdminFailure`; a file that cannot be read is `invalid`.
    public func add(
        artefact path: String, kind: String, name: String, version: UInt64?
    ) async throws -> ArtefactView {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw AdminFailure(.invalid, "\(path): cannot be read")
        }
        defer { try? file.close() }
        let upload = UUID().uuidString.lowercased().replacing("-", with: "")
        var (hash, offset) = (SHA256(), 0)
        while let content = try file.read(upToCount: ArtefactPiece.byteLimit), !content.isEmpty {
            hash.update(data: content)
            let answer: ArtefactUpload = try await post(
                "v1/artefacts/uploads", ArtefactPiece(upload: upload, offset: offset, content: content))
            offset += content.count
            guard answer.receivedBytes == offset else {
                throw AdminFailure(.unavailable, "the upload was interrupted; try again")
            }
        }
        let sum = hash.finalize().map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
        return try await post(
            "v1/artefacts",
            ArtefactRequest(upload: upload, kind: kind, name: name, version: version, sha256: sum))
    }
}
