import Foundation
import Testing

extension Trait where Self == ConditionTrait {
    /// For boards that speak from tasks of the test process: beside the rest of the suite their words come seconds, at
    /// worst minutes, late, and a coordinator acts on that.
    static var byItself: Self {
        .enabled(if: ProcessInfo.processInfo.environment["SHOAL_ALONE"] != nil, "Cluster/test runs it by itself")
    }
}
