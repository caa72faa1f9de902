/// SLO attainment and accuracy of a model's frames, added up over windows and boards.
///
/// Serving systems are compared by both (SuperServe, Khare et al., NSDI 2025). Their product is the share of all frames
/// that were right and in time, where being right does not hang on being in time.
public struct Attainment: Equatable, Sendable {
    /// What an accuracy was told by; the two are never mixed.
    public enum Source: String, Codable, CaseIterable, Sendable {
        /// Top-1 of the frames whose label is known.
        case labels
        /// What the table of operating points says of those that ran, weighed by frames.
        case points
    }

    /// Frames that came, computed or not.
    public private(set) var arrived: UInt64 = 0
    /// Of these, those of windows with a constraint, and how many kept it: what nothing was asked of kept nothing.
    private var constrained: UInt64 = 0
    private var kept: UInt64 = 0
    public private(set) var labelled: UInt64 = 0
    public private(set) var correct: UInt64 = 0
    /// Answered frames of which the accuracy of the point is known, and the sum of that accuracy in millionths:
    /// whole, so that no order of adding matters.
    private var expectable: UInt64 = 0
    private var expectedMillionths: UInt64 = 0

    public init() {}

    /// - Parameter pointAccuracy: of the window's operating point, 0...1; `nil` where no table tells.
    public init(_ window: ModelTelemetry, pointAccuracy: Double?) {
        arrived = window.arrived
        if window.constraintMilliseconds > 0 { (constrained, kept) = (arrived, window.kept) }
        labelled = UInt64(window.labelled)
        correct = UInt64(window.correct)
        guard let pointAccuracy, (0...1).contains(pointAccuracy) else { return }
        expectable = UInt64(window.frames)
        expectedMillionths = expectable * UInt64((pointAccuracy * 1e6).rounded())
    }

    public mutating func add(_ other: Attainment) {
        arrived &+= other.arrived
        constrained &+= other.constrained
        kept &+= other.kept
        labelled &+= other.labelled
        correct &+= other.correct
        expectable &+= other.expectable
        expectedMillionths &+= other.expectedMillionths
    }

    /// Share of the frames that came under a constraint which kept it; `nil` where none came.
    public var sloAttainment: Double? { Self.share(kept, of: constrained) }

    /// 0...1; `nil` where that source knows of no frame.
    public func accuracy(by source: Source) -> Double? {
        switch source {
        case .labels: Self.share(correct, of: labelled)
        case .points: Self.share(expectedMillionths, of: expectable).map { $0 / 1e6 }
        }
    }

    /// SLO attainment times accuracy, 0...1.
    public func attainedAccuracy(by source: Source) -> Double? {
        sloAttainment.flatMap { attained in accuracy(by: source).map { attained * $0 } }
    }

    /// Labels where there are any, else points; `nil` where neither tells.
    public var source: Source? { Source.allCases.first { accuracy(by: $0) != nil } }

    private static func share(_ part: UInt64, of all: UInt64) -> Double? {
        all == 0 ? nil : Double(part) / Double(all)
    }
}

extension ModelTelemetry {
    /// What the table says of the point that the window's last frame ran at, and so of its frames; `nil` where the
    /// table has no such point.
    public func pointAccuracy(in points: [OperatingPoint]) -> Double? {
        let place = Int(activePoint)
        return points.indices.contains(place) ? points[place].accuracy : nil
    }
}
