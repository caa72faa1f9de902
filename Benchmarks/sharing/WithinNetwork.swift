import Datasets
import HookNetworks

extension Study {
    func runWithin(_ network: LoadedPlan, learn: ImageSet, judge: ImageSet) throws {
        throw Failure("not yet")
    }
}
