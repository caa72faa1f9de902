import Engine
import Supernets
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
    /// The image, then the readings of its frame.
    private let image: AlignedBuffer
    private let imageCount: Int
    /// Free memory and clock frequency, as two floats.
    private let board = Atomic<UInt64>(0)
    private let offered = Atomic<Unmanaged<GateSet>?>(nil)
    private let retired = Atomic<Unmanaged<GateSet>?>(nil)
    private let stop = Atomic<Bool>(false)

    init(imageCount: Int, readingCount: Int = 0) {
        self.imageCount = imageCount
        image = AlignedBuffer(count: imageCount + readingCount)
    }

    deinit {
        offered.exchange(nil, ordering: .acquiring)?.release()
        retired.exchange(nil, ordering: .acquiring)?.release()
    }

    // MARK: The thread that runs frames

    /// Copies the image if one was asked for, with what its gates could read.
    func offer(_ pixels: UnsafeBufferPointer<Float>, _ readings: FrameReadings? = nil) {
        guard state.load(ordering: .acquiring) == State.asked, let source = pixels.baseAddress else { return }
        precondition(pixels.count == imageCount, "an image of \(pixels.count) values for \(imageCount)")
        image.base.update(from: source, count: pixels.count)
        if let readings {
            (image.base + imageCount).update(from: readings.values.base, count: image.count - imageCount)
        }
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

    /// Free memory in mebibytes and clock in megahertz, as the other thread saw them last.
    var surroundings: (memory: Float, frequency: Float) {
        let bits = board.load(ordering: .relaxed)
        return (Float(bitPattern: UInt32(bits >> 32)), Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    }

    // MARK: The thread that learns

    func tell(_ conditions: BoardConditions) {
        let memory = Float(conditions.freeMebibytes ?? 0).bitPattern
        board.store(UInt64(memory) << 32 | UInt64(Float(conditions.megahertz ?? 0).bitPattern), ordering: .relaxed)
    }

    /// Of the image that is there.
    var readings: UnsafePointer<Float> { UnsafePointer(image.base + imageCount) }

    var isStopping: Bool { stop.load(ordering: .relaxed) }
    func requestStop() { stop.store(true, ordering: .relaxed) }

    func ask() { state.store(State.asked, ordering: .releasing) }

    /// The image, once there is one, until it is asked for the next.
    var filled: UnsafeBufferPointer<Float>? {
        guard state.load(ordering: .acquiring) == State.filled else { return nil }
        return UnsafeBufferPointer(start: image.base, count: imageCount)
    }

    /// - Returns: `false` while gates offered before have not been taken.
    func publish(_ gates: GateSet) -> Bool {
        guard offered.load(ordering: .relaxed) == nil else { return false }
        retired.exchange(nil, ordering: .acquiring)?.release()
        offered.store(Unmanaged.passRetained(gates), ordering: .releasing)
        return true
    }
}
