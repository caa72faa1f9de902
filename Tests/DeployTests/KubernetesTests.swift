import Foundation
import Testing
import Yams

/// What the manifests name must be there: options and ports of the program, paths that it answers, each other's names.
@Suite struct KubernetesTests {
    static let files = ["Kubernetes/sqlite.yaml", "Kubernetes/postgresql.yaml"]

    /// The pod's specification: of the one document that makes pods.
    private func pod(_ file: String) throws -> (workload: Node, pod: Node, container: Node) {
        let workloads = try Deploy.documents(file).filter { ["StatefulSet", "Deployment"].contains($0.word("kind")) }
        let workload = try #require(workloads.count == 1 ? workloads[0] : nil)
        let pod = try #require(workload.at("spec.template.spec"))
        let containers = pod.items("containers")
        return (workload, pod, try #require(containers.count == 1 ? containers[0] : nil))
    }

    private func arguments(_ container: Node) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: container.items("args").compactMap { $0.scalar?.string }.map { argument in
                let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
                return (parts[0], parts.count > 1 ? parts[1] : "")
            })
    }

    @Test(arguments: files)
    func theProgramKnowsItsOptions(file: String) throws {
        let container = try pod(file).container
        #expect(container.items("command").map { $0.scalar?.string } == ["shoal-coordinator"])
        let known = try Deploy.options(of: "shoal-coordinator", ["serve"])
        #expect(known.isSuperset(of: ["--state", "--store", "--metrics-port"]), "\(known)")
        for (option, value) in arguments(container) {
            #expect(known.contains(option), "\(file): \(option)")
            #expect(!value.isEmpty, "\(file): \(option)")
        }
    }

    /// The program takes the very arguments: what follows them is refused, and they are not.
    @Test(arguments: files)
    func theProgramTakesItsArguments(file: String) throws {
        let container = try pod(file).container
        let words = container.items("args").compactMap { $0.scalar?.string }
        let refused = try Deploy.run(Deploy.program("shoal-coordinator"), words + ["--no-such-option"])
        #expect(refused.status == 64 && refused.text.contains("no-such-option"), "\(refused.text)")
    }

    @Test(arguments: files)
    func portsAreThoseOfTheProgram(file: String) throws {
        let container = try pod(file).container
        let options = arguments(container)
        var ports: [String: String] = [:]
        for port in container.items("ports") {
            ports[try #require(port.word("name"))] = port.word("containerPort")
        }
        #expect(
            ports
                == [
                    "fleet": options["--fleet-port"], "enrolment": options["--enrolment-port"],
                    "admin": options["--admin-port"], "metrics": options["--metrics-port"],
                    "relay": options["--relay-port"],
                ].compactMapValues { $0 })
        #expect(ports.count == (options["--store"] == nil ? 4 : 5))
        let labels = try pod(file).workload.at("spec.template.metadata.labels")
        let services = try Deploy.documents(file).filter { $0.word("kind") == "Service" }
        #expect(services.count == 2)
        for service in services {
            #expect(service.at("spec.selector") == labels)
            for port in service.items("spec.ports") {
                let target = try #require(port.word("targetPort"))
                #expect(ports[target] == port.word("port"), "\(file): \(target)")
            }
        }
    }

    @Test(arguments: files)
    func probesAskWhatIsAnswered(file: String) throws {
        let container = try pod(file).container
        for (probe, path) in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
            #expect(container.word("\(probe).httpGet.path") == path)
            #expect(container.word("\(probe).httpGet.port") == "metrics")
        }
    }

    @Test(arguments: files)
    func podsHaveNoMoreRightsThanTheyNeed(file: String) throws {
        let pod = try pod(file).pod
        #expect(pod.word("securityContext.runAsNonRoot") == "true")
        #expect(pod.word("securityContext.seccompProfile.type") == "RuntimeDefault")
        #expect(pod.word("automountServiceAccountToken") == "false")
        for container in pod.items("containers") + pod.items("initContainers") {
            #expect(container.word("securityContext.allowPrivilegeEscalation") == "false")
            #expect(container.word("securityContext.readOnlyRootFilesystem") == "true")
            #expect(container.word("securityContext.capabilities.drop.0") == "ALL")
        }
    }

    /// Every volume that is mounted exists, and the state folder lies on one.
    @Test(arguments: files)
    func volumesAreThere(file: String) throws {
        let (workload, pod, container) = try pod(file)
        let volumes = Set(
            pod.items("volumes").compactMap { $0.word("name") }
                + workload.items("spec.volumeClaimTemplates").compactMap { $0.word("metadata.name") })
        for container in pod.items("containers") + pod.items("initContainers") {
            for mount in container.items("volumeMounts") {
                #expect(volumes.contains(try #require(mount.word("name"))))
            }
        }
        let state = try #require(arguments(container)["--state"])
        let mounts = container.items("volumeMounts").compactMap { $0.word("mountPath") }
        #expect(mounts.contains { state.hasPrefix($0 + "/") }, "\(file): \(state) is in no volume")
    }

    @Test func sqliteIsForOne() throws {
        let (workload, _, container) = try pod("Kubernetes/sqlite.yaml")
        #expect(workload.word("spec.replicas") == "1")
        #expect(arguments(container)["--store"] == nil)
    }

    /// The secret comes by the variable that the program reads, and coordinators reach each other: not by the service,
    /// which leads to any of them.
    @Test func postgreSQLIsForSeveral() throws {
        let (workload, pod, container) = try pod("Kubernetes/postgresql.yaml")
        #expect(Int(workload.word("spec.replicas") ?? "") ?? 0 > 1)
        #expect(workload.word("spec.strategy.type") == "Recreate")
        #expect(arguments(container)["--store"] == "postgresql")
        let variable = try #require(container.items("env").first?.word("name"))
        #expect(container.items("env").first?.word("valueFrom.secretKeyRef.name") == "shoal-store")
        let address = try #require(container.items("env").first { $0.word("name") == "POD_ADDRESS" })
        #expect(address.word("valueFrom.fieldRef.fieldPath") == "status.podIP")
        #expect(arguments(container)["--peer-address"] == "$(POD_ADDRESS)")
        #expect(arguments(container)["--relay-port"] != nil)
        for service in try Deploy.documents("Kubernetes/postgresql.yaml").filter({ $0.word("kind") == "Service" }) {
            #expect(!service.items("spec.ports").contains { $0.word("targetPort") == "relay" })
        }
        let help = try Deploy.run(Deploy.program("shoal-coordinator"), ["serve", "--help"])
        #expect(help.text.contains(variable), "\(variable)")
        #expect(pod.items("initContainers").count == 1)
    }

    /// What boards know the coordinator and its artefacts by is the same in each pod, and outlasts it.
    @Test func keysAndArtefactsOutlastThePod() throws {
        let (_, pod, container) = try pod("Kubernetes/postgresql.yaml")
        let state = try #require(arguments(container)["--state"])
        let claims = try Deploy.documents("Kubernetes/postgresql.yaml").filter {
            $0.word("kind") == "PersistentVolumeClaim"
        }
        #expect(claims.count == 1 && claims.first?.word("spec.accessModes.0") == "ReadWriteMany")
        let volume = try #require(pod.items("volumes").first { $0.word("name") == "artefacts" })
        #expect(volume.word("persistentVolumeClaim.claimName") == claims.first?.word("metadata.name"))
        let mount = try #require(container.items("volumeMounts").first { $0.word("name") == "artefacts" })
        #expect(mount.word("mountPath") == state + "/artefacts")

        // The very command, with folders of this machine.
        let folder = FileManager.default.temporaryDirectory.path + "/deploy-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder + "/secret", withIntermediateDirectories: true)
        let files = ["key.json", "artefact-key.json", "admin.json"]
        for file in files { try Data(file.utf8).write(to: URL(filePath: "\(folder)/secret/\(file)")) }
        let words = pod.items("initContainers.0.command").compactMap { $0.scalar?.string }.map {
            $0.replacing("=" + state, with: "=\(folder)/state").replacing("/secret/", with: "\(folder)/secret/")
        }
        #expect(words.contains("--target-directory=\(folder)/state"), "\(words)")
        let outcome = try Deploy.run("/usr/bin/env", words)
        #expect(outcome.status == 0, "\(outcome.text)")
        for file in files {
            let path = "\(folder)/state/\(file)"
            #expect(try String(contentsOfFile: path, encoding: .utf8) == file)
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(file)")
        }
    }
}
