import Foundation
import Testing
import Yams

/// Rules and dashboard ask of agents only for what they tell.
@Suite struct AgentMetricsTests {
    @Test(arguments: ["Prometheus/alerts.yaml", "Grafana/fleet.json"])
    func whatIsAskedOfAgentsIsThere(path: String) throws {
        let names = Set(try Deploy.text(path).matches(of: /shoal_agent_[a-z0-9_]+/).map { String($0.0) })
        #expect(names.isSuperset(of: ["shoal_agent_connected", "shoal_agent_spool_records_lost_total"]), "\(names)")
        let report = Deploy.root.appending(path: "Sources/Agent/Metrics/AgentReport.swift")
        let source = try String(contentsOf: report, encoding: .utf8)
        for name in names { #expect(source.contains("\"\(name)\""), "\(name)") }
    }

    /// The job that rules speak of is the one that is scraped.
    @Test func theJobOfAgentsIsScraped() throws {
        #expect(try Deploy.text("Prometheus/alerts.yaml").contains(#"up{job="shoal-agent"} == 0"#))
        let jobs = try Deploy.documents("Prometheus/prometheus.yaml")[0].items("scrape_configs")
        #expect(jobs.contains { $0.word("job_name") == "shoal-agent" })
    }
}
