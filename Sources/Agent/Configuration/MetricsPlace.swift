/// Where an agent serves its metrics: on loopback, unless people outside are meant to read them.
public struct MetricsPlace: Equatable, Sendable, Decodable {
    public var host: String
    /// 0 takes a free one.
    public var port: Int

    public init(host: String = "127.0.0.1", port: Int) { (self.host, self.port) = (host, port) }

    private enum CodingKeys: String, CodingKey { case host, port }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        host = try container.decodeIfPresent(String.self, forKey: .host) ?? "127.0.0.1"
        port = try container.decode(Int.self, forKey: .port)
    }

    /// Why it cannot be used; begins with the field.
    var fault: String? {
        if !(0...65_535).contains(port) { return "port: \(port) is no port" }
        return host.isEmpty ? "host: is empty; leave it out for loopback" : nil
    }
}
