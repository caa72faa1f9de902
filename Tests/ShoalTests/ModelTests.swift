import Engine
import Foundation
import SearchSpace
import Shoal
import Supernets
import Testing

@Suite struct ModelTests {
    private let packages: Packages

    init() throws { packages = try Packages() }

    @Test func aNetworkSaysWhatItIs() throws {
        let model = try Model(try packages.network(weights: [1, 0, 0, 0, 1, 0]))
        #expect(model.kind == .network && model.name == "means" && model.labels == ["first", "second"])
        #expect(model.subnets.isEmpty)

        let points = try model.prepare()
        #expect(points.count == 1)
        #expect(points[0].channels == 3 && points[0].resolution == 4 && points[0].inputCount == 48)
        #expect(points[0].outputCount == 2 && points[0].slowBecause == nil && points[0].subnet == nil)
        #expect(throws: ShoalFailure(.subnet, "means: is a network; it has no subnets")) {
            try model.prepare([Subnet(resolution: 1, depths: [], kernelSizes: [], expandRatios: [])])
        }
    }

    @Test func aSupernetListsTheSubnetsOfItsFiles() throws {
        let path = try packages.supernet()
        let largest = try #require(try Model(path).subnets.first)
        var other = largest
        other.resolution = 20
        let text = String(decoding: try JSONEncoder().encode([other, largest]), as: UTF8.self)
        let list = try packages.write("list.json", text)
        let model = try Model(path, points: list)
        #expect(model.kind == .supernet && model.subnets == [other, largest])
        let points = try model.prepare()
        #expect(points.map(\.resolution) == [20, largest.resolution])
        #expect(points.map(\.statistics) == [.checkpoint, .checkpoint] && points.map(\.subnet) == [other, largest])

        let table = try packages.write(
            "table.json", #"{"points": [{"configuration": \#(text.dropFirst().prefix { $0 != "}" })}, "accuracy": 1}]}"#
        )
        #expect(try Model(path, points: table).subnets == [other])
    }

    @Test func statisticsNameTheirSubnets() throws {
        let path = try packages.supernet()
        let supernet = try SupernetFile(path)
        let known = supernet.supernet.space.largest
        var file = StatisticsFile(weightsSHA256: supernet.weightsSHA256)
        try file.insert(supernet.supernet.checkpointStatistics(for: known))
        try file.write(to: packages.folder + "/s")
        let model = try Model(path, statistics: packages.folder + "/s")
        #expect(try model.prepare().map(\.statistics) == [.own])
        var unknown = try #require(model.subnets.first)
        unknown.resolution = 20
        let failure = #expect(throws: ShoalFailure.self) { try model.prepare([unknown]) }
        #expect(failure?.kind == .subnet && failure?.message.contains("statistics file has none of r20") == true)
    }

    @Test func whatCannotBeOpenedIsRefusedInASentence() throws {
        let network = try packages.network(weights: [1, 0, 0, 0, 1, 0])
        let supernet = try packages.supernet()
        let empty = try packages.write("empty.json", "[]")
        let wrong = try packages.write(
            "wrong.json", #"[{"resolution": 17, "depths": [2], "kernelSizes": [3], "expandRatios": [3]}]"#)
        func refusal(_ package: String, points: String? = nil, statistics: String? = nil) -> ShoalFailure? {
            #expect(throws: ShoalFailure.self) { try Model(package, points: points, statistics: statistics) }
        }
        #expect(refusal("absent.shoal")?.kind == .file)
        #expect(refusal("absent.shoal")?.message.contains("absent.shoal: cannot be opened") == true)
        #expect(refusal(empty)?.message.contains("empty.json") == true)
        #expect(refusal(network, points: empty)?.kind == .argument)
        #expect(refusal(supernet, points: empty)?.message.contains("neither a Pareto table nor a list") == true)
        #expect(refusal(supernet, points: "absent.json")?.message.hasPrefix("absent.json: cannot be") == true)
        #expect(refusal(supernet, points: wrong)?.kind == .subnet)
        #expect(refusal(supernet, statistics: network)?.message.contains("not a statistics file") == true)
        let model = try Model(supernet)
        #expect(throws: ShoalFailure.self) { try model.subnet(json: "{") }
    }
}
