import AdminAPI
import Foundation

/// The real coordinator as a process of its own, that can be killed and started again at the same ports.
final class CoordinatorProcess {
    private let programs: String
    private let state: String
    private let heartbeat: Int
    private var ports = [0, 0]
    private(set) var processID: Int32 = 0

    init(programs: String, state: String, heartbeat: Int) {
        (self.programs, self.state, self.heartbeat) = (programs, state, heartbeat)
    }

    func start() throws {
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        let program = programs + "/shoal-coordinator"
        let arguments = [
            program, "--state", state, "--fleet-port", "\(ports[0])", "--enrolment-port", "\(ports[1])",
            "--admin-port", "0", "--heartbeat", "\(heartbeat)",
        ]
        // Not by Foundation's Process, which does not survive thousands of open files.
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in [1, 2] as [Int32] {
            posix_spawn_file_actions_addopen(
                &actions, descriptor, state + "/coordinator.log", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        var words = arguments.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        let code = posix_spawn(&processID, program, &actions, nil, &words, nil)
        guard code == 0 else { throw LoadFailure("\(program) does not start: \(String(cString: strerror(code)))") }
    }

    /// SIGKILL, and the wait for its effect.
    func kill() {
        guard processID > 0 else { return }
        Foundation.kill(processID, SIGKILL)
        var status: Int32 = 0
        waitpid(processID, &status, 0)
        processID = 0
    }

    func usage() throws -> ProcessUsage {
        guard let usage = ProcessUsage(of: processID) else { throw LoadFailure("the coordinator is gone") }
        return usage
    }

    func client() throws -> AdminClient {
        let access = try AdminAccess.load(from: state + "/admin.json")
        guard let url = URL(string: access.url), url.port != nil else { throw LoadFailure("no address in admin.json") }
        return AdminClient(base: url, token: access.token, timeout: 20)
    }

    /// Waits until it answers, and keeps its ports.
    func status() async throws -> StatusView {
        for _ in 0..<600 {
            if let status: StatusView = try? await client().get("v1/status") {
                ports = [status.fleetEndpoint, status.enrolmentEndpoint].map {
                    Int($0.split(separator: ":").last ?? "") ?? 0
                }
                return status
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw LoadFailure("the coordinator does not answer; see \(state)/coordinator.log")
    }
}
