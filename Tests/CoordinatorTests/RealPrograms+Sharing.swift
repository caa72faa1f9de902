import AdminAPI
import FleetModel
import Foundation
import Testing

/// Waits for what becomes of gates that boards learn together. A test's time limit bounds each; then they say where
/// they waited, and for what they saw last.
extension RealPrograms {
    /// The one group of boards, once it is as the condition asks.
    func group(
        at place: SourceLocation = #_sourceLocation, _ condition: (HooksView) -> Bool
    ) async throws -> HooksView {
        var seen: HooksView?
        do {
            while true {
                let views: [HooksView] = try await client().get("v1/hooks")
                seen = views.first ?? seen
                if let view = views.first, condition(view) { return view }
                try await Task.sleep(for: .milliseconds(50))
            }
        } catch {
            let last = seen.map { "\($0)" } ?? "no group"
            Issue.record("\(error) while waiting; seen last: \(last)", sourceLocation: place)
            throw error
        }
    }

    func wait(at place: SourceLocation = #_sourceLocation, _ condition: () -> Bool) async throws {
        while !condition() {
            do {
                try await Task.sleep(for: .milliseconds(20))
            } catch {
                Issue.record("\(error) while waiting", sourceLocation: place)
                throw error
            }
        }
    }

    /// Events are told a moment after what they tell of.
    /// - Returns: the event.
    @discardableResult
    func waitForTakingBack(_ text: String) async throws -> FleetEvent {
        while true {
            let events: [FleetEvent] = try await client().get("v1/events", query: ["limit": "1000"])
            let event = events.first { $0.kind == .hookVersionTakenBack && $0.message.contains(text) }
            if let event { return event }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
