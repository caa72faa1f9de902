/// Names are written as plain text; text that is not a name is refused when it is read back.
extension BoardID: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let name = BoardID(text) else { throw ResourceName.refusal(of: text, in: decoder) }
        self = name
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

extension ModelName: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let name = ModelName(text) else { throw ResourceName.refusal(of: text, in: decoder) }
        self = name
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

extension ResourceName {
    static func refusal(of text: String, in decoder: any Decoder) -> DecodingError {
        .dataCorrupted(
            .init(
                codingPath: decoder.codingPath,
                debugDescription: "'\(text.prefix(80))' is not a name of 1 to 63 characters from a-z, 0-9 and '-'."))
    }
}
