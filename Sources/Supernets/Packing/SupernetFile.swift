public import Engine
public import Packages

/// A supernet opened from its package on disk.
///
/// The first opening reads the package tensor by tensor, each checked by its SHA-256, packs it, and writes what it
/// packed to a file beside the package (`cachePath(of:)`). Later openings check the package's section table, kind and
/// manifest and read the packed weights, all of them checked by CRC-32C. What was packed from another package or by
/// another version, or is damaged, is packed anew; no weight is used unchecked. Damage to tensors in the package that
/// a valid cache stands in for is found by `PackageFile.verify`, not by an opening.
public struct SupernetFile: Sendable {
    public enum Origin: Equatable, Sendable {
        /// The weights had been packed before.
        case cache
        /// They were packed now. Reason, if any, why they will be again next time: nobody could write the cache.
        case package(unwritten: String?)
    }

    public let supernet: PackedSupernet
    /// `TensorPackage.weightsSHA256`.
    public let weightsSHA256: String
    public let origin: Origin

    /// Where the packed weights of a package are kept.
    public static func cachePath(of package: String) -> String { package + ".packed" }

    /// - Throws: `PackageFailure` when the file is damaged, `SupernetRefusal` when it is not one of a supernet.
    public init(_ path: String) throws {
        try self.init(try PackageFile(path))
    }

    public init(_ package: PackageFile) throws {
        do throws(SupernetRefusal) {
            let architecture = try PackedSupernet.architecture(kind: package.kind, manifest: package.manifest)
            let cache = Self.cachePath(of: package.path)
            if let file = try? PackedFile.read(from: cache, identity: package.identity),
                let supernet = try? PackedSupernet(architecture, from: WeightSource(file))
            {
                (self.supernet, weightsSHA256, origin) = (supernet, file.weightsSHA256, .cache)
                return
            }
            let source = WeightSource { name throws(PackageFailure) in try package.tensor(name) }
            supernet = try PackedSupernet(architecture, from: source)
            do throws(PackageFailure) { weightsSHA256 = try package.weightsSHA256() } catch { throw .package(error) }
            let file = PackedFile(identity: package.identity, weightsSHA256: weightsSHA256, parts: source.parts)
            origin = .package(unwritten: Self.write(file, to: cache))
        } catch .package(let failure) {
            throw failure
        }
    }

    private static func write(_ file: PackedFile, to path: String) -> String? {
        do throws(ReadingFailure) {
            try file.write(to: path)
            return nil
        } catch {
            return "\(path): \(error.reason)"
        }
    }
}
