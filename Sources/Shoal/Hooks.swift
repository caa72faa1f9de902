import HookNetworks
import Packages

/// Hooks of a network (`shoal hooks`): gates that leave out, for each image, what its answer does not need.
///
///     let hooks = try model.hooks("resnet.hooks")
///     let session = try InferenceSession(try model.prepare(), hooks: hooks, budget: 0.01)
///     try session.run(planar: image)
///
/// Immutable: any number of sessions may use them.
public struct Hooks: Sendable {
    /// What the gates leave out, as `shoal hooks build --kinds` names it.
    public let kinds: [String]
    /// Sensors that the gates read, in this order: `InferenceSession.setSensor`.
    public let sensors: [String]
    /// Why the file before was taken; `nil` where the file is as it was written.
    public let damage: String?
    let attached: AttachedHooks
}

extension Model {
    /// Reads the hooks of this network.
    /// - Throws: `ShoalFailure` where the file is damaged, or belongs to other weights. A file torn while it was
    ///   replaced gives way to the one before.
    public func hooks(_ path: String) throws(ShoalFailure) -> Hooks {
        guard let package = hookable else {
            throw ShoalFailure(.argument, "\(name): hooks are for networks that kernels cover, not for supernets")
        }
        do {
            let read = try HookState.read(from: path)
            let attached = try AttachedHooks(read.state, path: path, of: package())
            // Whatever makes a network of them refuse, it does now.
            _ = try attached.network()
            return Hooks(
                kinds: attached.state.kinds.map(\.rawValue), sensors: attached.state.inputs.sensors,
                damage: read.damage.map { "\($0)" }, attached: attached)
        } catch { throw ShoalFailure(wrapping: error) }
    }
}
