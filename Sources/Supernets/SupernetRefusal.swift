public import Engine
public import Packages
public import SearchSpace

/// Why a package or its companions cannot be used as a supernet.
public enum SupernetRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    case package(PackageFailure)
    case wrongKind(expected: String, found: String)
    case manifest(reason: String)
    case missingTensor(name: String)
    case wrongShape(tensor: String, expected: [Int], found: [Int])
    case configuration(ConfigurationRefusal)
    case statistics(layer: String, reason: String)
    case images(reason: String)

    public var description: String {
        switch self {
        case .package(let failure): failure.description
        case .wrongKind(let expected, let found): "the package holds a \(found), not a \(expected)"
        case .manifest(let reason): "manifest: \(reason)"
        case .missingTensor(let name): "tensor \(name) is missing"
        case .wrongShape(let tensor, let expected, let found):
            "tensor \(tensor): expected shape \(expected), found \(found)"
        case .configuration(let refusal): "subnet: \(refusal)"
        case .statistics(let layer, let reason): "statistics of \(layer): \(reason)"
        case .images(let reason): "calibration images: \(reason)"
        }
    }
}
