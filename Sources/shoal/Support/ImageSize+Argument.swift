public import ArgumentParser
public import Engine
import Packages

extension Precision: ExpressibleByArgument {}

extension ImageSize {
    static let help: ArgumentHelp = "Size of the images, N or HxW, for a network that leaves it open."
    static let helpWithSubnets: ArgumentHelp =
        "Size of the images, N or HxW: for a network that leaves it open, or in place of a subnet's own."

    static func argument(_ text: String) throws -> ImageSize {
        guard let size = ImageSize(text) else {
            throw ValidationError("give N or HxW, each \(limits)")
        }
        return size
    }
}
