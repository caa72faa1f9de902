import Foundation
import SearchSpace
import Testing

@testable import SearchInputs

/// On the published predictor and latency table, which are not part of the repository.
@Suite struct LocalSearchTests {
    private func request() throws -> LocalSearch.Request {
        let data = try #require(SearchInputsFixture.shared).appending(path: "data/ofa")
        var request = LocalSearch.Request(
            space: "ofa-mbv3", accuracyPredictor: data.appending(path: "accuracy_predictor_w1.2.pth").path,
            latencyTable: data.appending(path: "latency_table_jetson_cpu").path)
        request.processor = "cpu"
        return request
    }

    /// Random draws keep 900 ms about never; subnets that do exist.
    @Test(
        .enabled("the shared search data is absent") { SearchInputsFixture.shared != nil },
        arguments: [UInt64(1), 2, 3])
    func whatRandomDrawsDoNotMeetIsMetAllTheSame(seed: UInt64) throws {
        var request = try request()
        (request.seed, request.latencies, request.accuracyFloor) = (seed, [900, 850, 100], 0.75)
        let points = try LocalSearch(request).run().points
        for point in points.prefix(2) {
            #expect(point.relaxedTo == nil && point.predictedLatencyMilliseconds <= point.latencyMilliseconds)
        }
        #expect(points[0].predictedAccuracy > points[1].predictedAccuracy)
        let relaxed = try #require(points[2].relaxedTo)
        #expect(relaxed > 100 && points[2].predictedLatencyMilliseconds <= relaxed)
        #expect(points[2].relaxedBecause?.hasPrefix("no subnet takes less than 731") == true)
    }

    private struct Published: Decodable {
        struct Net: Decodable {
            let top1: Double
            let ks: [Int]
            let e: [Int]
            let d: [Int]
            let r: [Int]
        }
        let nets_6: [Net]
        let nets_7: [Net]
    }

    /// Six and seven points of one supernet, as published: within the time that the table says of each, the search
    /// finds a subnet at least as accurate, but for the loosest constraints, where it may lack a tenth of a point.
    @Test(.enabled("the shared search data is absent") { SearchInputsFixture.shared != nil })
    func thePublishedPointsAreRepeated() throws {
        let file = try #require(SearchInputsFixture.shared).appending(path: "data/ofa/dynamic_ofa_subnets.json")
        let published = try JSONDecoder().decode(Published.self, from: Data(contentsOf: file))
        #expect(published.nets_6.count == 6 && published.nets_7.count == 7)
        for nets in [published.nets_6, published.nets_7] {
            let fixture = try SearchInputsFixture()
            defer { fixture.remove() }
            let subnets = nets.map {
                SubnetConfiguration(resolution: $0.r[0], depths: $0.d, kernelSizes: $0.ks, expandRatios: $0.e)
            }
            var request = try request()
            request.subnets = try fixture.write(
                "subnets.json", String(decoding: try JSONEncoder().encode(subnets), as: UTF8.self))
            request.latencies = [2_000]
            let given = try #require(try LocalSearch(request).run().subnets)
            request.latencies = given.map(\.predictedLatencyMilliseconds)
            request.subnets = nil
            let points = try LocalSearch(request).run().points

            #expect(points.count == nets.count)
            for (point, one) in zip(points, given) {
                #expect(point.relaxedTo == nil)
                #expect(point.predictedLatencyMilliseconds <= one.predictedLatencyMilliseconds)
                #expect(point.predictedAccuracy >= one.predictedAccuracy - 0.0015)
            }
            let better = zip(points, given).count { $0.predictedAccuracy >= $1.predictedAccuracy }
            #expect(better >= points.count - 1)
            let order = RankStatistics.spearman(nets.map(\.top1), given.map(\.predictedAccuracy))
            #expect(try #require(order) > 0.8, "the predictor ranks the published subnets")
        }
    }
}
