import Engine
import Files
import FleetModel
import Foundation
import Messaging
import NetworkParts
import Packages
import Shoal
import Yams

/// What an agent will meet with its configuration: files, secrets, packages, its own ports, and the way to its
/// coordinator.
///
/// Only what these looks need is read here; `shoal-agent` itself refuses a field that it does not know.
public struct BoardChecks {
    private struct Configuration: Decodable {
        struct Model: Decodable {
            struct Stream: Decodable { var images: [String]? }

            var name: String
            var package: String
            var points: String
            var stream: Stream?
        }

        struct Place: Decodable {
            var host: String?
            var port: Int?
        }

        var stateDirectory: String
        var metrics: Place?
        var inference: Place?
        var enrolment: String?
        var coordinators: [String]?
        var models: [Model]
    }

    private let path: String
    private let configuration: Configuration?
    private let failure: String?

    /// - Parameter path: the file that `shoal-agent --config` takes.
    public init(configuration path: String) {
        self.path = path
        do {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            (configuration, failure) = (try YAMLDecoder().decode(Configuration.self, from: text), nil)
        } catch {
            let isThere = FileManager.default.isReadableFile(atPath: path)
            (configuration, failure) = (nil, isThere ? "is no configuration of an agent" : "cannot be read")
        }
    }

    /// Blocks while names are resolved and ports tried.
    public func findings() -> [Finding] {
        guard let configuration else { return [Finding("configuration", .bad, "\(path) \(failure ?? "")")] }
        let state = configuration.stateDirectory
        var findings = [
            Finding("configuration", .good, "\(path), \(configuration.models.count) models"), Machine.disk(of: state),
            SecretFile.check(state + "/key.json", isRequired: false),
        ]
        findings += configuration.models.flatMap(model)
        for (what, place) in [("metrics", configuration.metrics), ("inference", configuration.inference)] {
            // A socket's path has no port.
            guard let place, let port = place.port, (0...65_535).contains(port) else { continue }
            findings.append(ListeningPlace(host: place.host ?? "127.0.0.1", port: port).finding(what, of: state))
        }
        return findings + coordinator(configuration)
    }

    private func model(_ model: Configuration.Model) -> [Finding] {
        [PackageCheck.finding(model.package)] + network(model) + points(model)
    }

    private func points(_ model: Configuration.Model) -> [Finding] {
        guard let data = FileManager.default.contents(atPath: model.points) else {
            return [Finding(model.name, .bad, "its points cannot be read: \(model.points)")]
        }
        do { _ = try ParetoTable.read(data) } catch {
            return [Finding(model.name, .bad, "its points are no table of points: \(model.points): \(error)")]
        }
        return []
    }

    /// An agent runs what kernels cover wholly, at a size that is known, as subnets of a supernet are.
    private func network(_ model: Configuration.Model) -> [Finding] {
        guard let file = try? PackageFile(model.package), file.kind == NetworkPackage.kind else { return [] }
        do {
            let loaded = try LoadedNetwork(file.package(), path: model.package)
            // Images of the stream say what a graph leaves open.
            if loaded.channels == nil, model.stream?.images != nil { return [] }
            _ = try HookablePackage(
                loaded, weightsSHA256: "", channels: nil, kernels: try KernelSet.selected())
            return []
        } catch { return [Finding(model.name, .bad, "\(error)")] }
    }

    /// Where the board is a member, what it was told then; else what its enrolment says.
    private func coordinator(_ configuration: Configuration) -> [Finding] {
        if let endpoints = membership(in: configuration.stateDirectory) {
            return [Finding("enrolment", .good, "the board is enrolled")]
                + (configuration.coordinators ?? endpoints).flatMap { reach("coordinator", $0) }
        }
        guard let file = configuration.enrolment else {
            return [Finding("enrolment", .bad, "the board is not enrolled, and no enrolment is configured")]
        }
        do {
            let bundle = try EnrolmentBundle.load(from: file)
            return [Finding("enrolment", .good, "\(file) will be used at the next start")]
                + bundle.allEnrolmentEndpoints.flatMap { reach("enrolment endpoint", $0) }
                + bundle.allFleetEndpoints.flatMap { reach("fleet endpoint", $0) }
        } catch { return [Finding("enrolment", .bad, "\(error)")] }
    }

    private func reach(_ what: String, _ text: String) -> [Finding] {
        Endpoint(text)?.findings(what) ?? [Finding(what, .bad, "\(text) names no host and port")]
    }

    /// The file is one line with a checksum and JSON after it.
    private func membership(in state: String) -> [String]? {
        struct Membership: Decodable {
            var fleetEndpoint: String
            var fleetEndpoints: [String]?
        }
        guard let data = FileManager.default.contents(atPath: state + "/membership.json") else { return nil }
        let json = data.first == UInt8(ascii: "{") ? data : data.drop { $0 != UInt8(ascii: "\n") }
        return (try? JSONDecoder().decode(Membership.self, from: Data(json))).map {
            $0.fleetEndpoints ?? [$0.fleetEndpoint]
        }
    }
}

/// A package read whole, each section checked by its SHA-256.
public enum PackageCheck {
    public static func finding(_ package: String) -> Finding {
        do throws(PackageFailure) {
            let file = try PackageFile(package)
            try file.verify()
            return Finding(package, .good, "a \(file.kind) as it was written")
        } catch {
            return Finding(package, .bad, error.section.map { "section \($0): \(error.reason)" } ?? error.reason)
        }
    }
}
