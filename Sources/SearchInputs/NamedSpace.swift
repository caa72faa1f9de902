import Foundation
import Packages
package import SearchSpace
import Supernets

/// Why a file is no input of a search.
package struct SearchInputRefusal: Error, CustomStringConvertible {
    package let description: String
    /// Whether it is not there at all.
    package let isMissing: Bool

    init(_ description: String, isMissing: Bool = false) {
        self.description = description
        self.isMissing = isMissing
    }
}

/// A search space with the architecture behind it.
package struct NamedSpace {
    package let space: SearchSpace
    package let architecture: SupernetArchitecture
    package let weightsSHA256: String?

    /// - Parameter name: `ofa-mbv3`, or the path of a supernet package.
    package init(_ name: String) throws {
        if name == SearchSpace.ofaMobileNetV3.name {
            space = .ofaMobileNetV3
            architecture = .imageNetMobileNetV3Width12
            weightsSHA256 = nil
        } else if FileManager.default.fileExists(atPath: name) {
            let file: SupernetFile
            do { file = try SupernetFile(name) } catch let refusal as SupernetRefusal {
                throw SearchInputRefusal("\(name): \(refusal)")
            }
            space = file.supernet.space
            architecture = file.supernet.architecture
            weightsSHA256 = file.weightsSHA256
        } else {
            throw SearchInputRefusal("space \(name): is neither ofa-mbv3 nor a supernet package", isMissing: true)
        }
    }
}
