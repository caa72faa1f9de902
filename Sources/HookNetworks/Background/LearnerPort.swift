import Engine
import Synchronization

/// What the thread that runs frames and the one that learns share. Nobody waits: a frame that is asked for is copied,
/// gates that are offered are taken by an exchange of pointers, and those they replace go back to be released there.
///
/// @unchecked because the image is written by one thread while `state` is `asked` and read by the other while it is
/// `filled`.
final class LearnerPort: @unchecked Sendable {
    private enum State {
        static let idle = 0
        static let asked = 1
        static let filled = 2
    }

    let clock = FrameClock()
    private let state = Atomic<Int>(State.idle)
    private let image: AlignedBuffer
    private let offered = Atomic<Unmanaged<GateSet>?>(nil)
    private let retired = Atomic<Unmanaged<GateSet>?>(nil)
    private let stop = Atomic<Bool>(false)

    init(imageCount: Int) { image = AlignedBuffer(count: imageCount) }

    deinit {
        offered.exchange(nil, ordering: .acquiring)?.release()
        retired.exchange(nil, ordering: .acquiring)?.release()
    }

    // MARK: The thread that runs frames

    /// Copies the image if one was asked for.
    func offer(_ pixels: UnsafeBufferPointer<Float>) {
        guard state.load(ordering: .acquiring) == State.asked, let source = pixels.baseAddress else { return }
        precondition(pixels.count == image.count, "an image of \(pixels.count) values for \(image.count)")
        image.base.update(from: source, count: pixels.count)
        state.store(State.filled, ordering: .releasing)
    }

    /// Replaces the gates by newer ones, if there are any.
    func takeGates(in place: inout GateSet) {
        guard offered.load(ordering: .relaxed) != nil,
            let newer = offered.exchange(nil, ordering: .acquiring)
        else { return }
        let older = Unmanaged.passRetained(place)
        place = newer.takeRetainedValue()
        // Empty but for two publications in the middle of this function.
        retired.exchange(older, ordering: .acquiringAndReleasing)?.release()
    }

    // MARK: The thread that learns

    var isStopping: Bool { stop.load(ordering: .relaxed) }
    func requestStop() { stop.store(true, ordering: .relaxed) }

    func ask() { state.store(State.asked, ordering: .releasing) }

    /// The image, once there is one, until it is asked for the next.
    var filled: UnsafeBufferPointer<Float>? {
        guard state.load(ordering: .acquiring) == State.filled else { return nil }
        return UnsafeBufferPointer(start: image.base, count: image.count)
    }

    /// - Returns: `false` while gates offered before have not been taken.
    func publish(_ gates: GateSet) -> Bool {
        guard offered.load(ordering: .relaxed) == nil else { return false }
        retired.exchange(nil, ordering: .acquiring)?.release()
        offered.store(Unmanaged.passRetained(gates), ordering: .releasing)
        return true
    }
}
