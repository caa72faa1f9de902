import AdminAPI
import FleetModel
import Foundation

/// Waits for what becomes of gates that boards learn together. A test's time limit bounds each.
extension RealPrograms {
    /// The one group of boards, once it is as the condition asks.
    func group(_ condition: (HooksView) -> Bool) async throws -> HooksView {
        while true {
            let views: [HooksView] = try await client().get("v1/hooks")
            if let view = views.first, condition(view) { return view }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    func wait(_ condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(20)) }
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
