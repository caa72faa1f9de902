import Engine
import HookNetworks
import ProgressLines

/// Some images of a stream: those that gates learn from, or those that are kept to measure on.
struct LearnedPart {
    let stream: HookStream
    /// In the stream.
    let positions: [Int]
    let feed: ReadingFeed?

    /// Valid until the next one.
    func image(_ index: Int) -> UnsafeBufferPointer<Float> { stream.image(positions[index]) }

    /// Readings of the image's frame.
    func prepare(_ index: Int, _ readings: FrameReadings) { feed?.set(positions[index], readings) }
}

extension HooksTrainCommand {
    /// Measures what the trained gates damage together, on images that nothing was fitted on.
    func measureTogether(_ loaded: inout LoadedHooks, _ part: LearnedPart) throws {
        guard !part.positions.isEmpty else {
            return Terminal.note(
                """
                shoal: warning: too few images to measure what gates damage together \
                (\(JointMeasurement.fewestImages) would do): each keeps to the budget by its own prediction alone
                """)
        }
        let progress = Progress("Measuring decisions together, per mille", total: 1_000)
        let measurement = JointMeasurement(
            Array(part.positions.indices), images: { part.image($0) }, prepare: { part.prepare($0, $1) })
        let trained = loaded
        loaded.state.calibrations = try measurement.calibrations(of: trained.state) { state in
            var one = trained
            one.state = state
            return try one.network()
        } progress: {
            progress.update(Int(1_000 * $0))
        }
    }
}
