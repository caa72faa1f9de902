/// `name=value` arguments.
struct Options: Sendable {
    static let usage = """
        sharing-study smaller=PACKAGE largest=PACKAGE images=CIFAR \(
            defaults.sorted { $0.key < $1.key }.map { "[\($0.key)=\($0.value)]" }.joined(separator: " "))
        """
    private static let defaults = [
        "boards": "8", "concentration": "0.3", "rounds": "10", "epochs": "4", "rate": "0.001",
        "pull": "0", "bad": "2", "seeds": "1,2,3", "rule": "trimmed", "outliers": "yes", "validates": "yes",
        "start": "500", "verbose": "no", "attacks": "flip,bigFlip,noise,bigNoise", "smaller": "", "largest": "",
        "images": "", "passes": "1", "decay": "0", "own": "0",
        "caution": "disagreement", "away": "0.49", "doubtful": "median", "agreement": "0.18",
        "tolerance": "0.01", "doubtfulTolerance": "0",
    ]

    private var values = defaults

    init(_ arguments: some Sequence<String>) throws {
        for argument in arguments {
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, values[parts[0]] != nil else { throw Failure("\(argument): is no option") }
            values[parts[0]] = parts[1]
        }
        for name in ["smaller", "largest", "images"] where text(name).isEmpty { throw Failure("give \(name)=FILE") }
    }

    func text(_ name: String) -> String { values[name] ?? "" }
    func number(_ name: String) -> Double { Double(text(name)) ?? 0 }
    func list(_ name: String) -> [String] { text(name).split(separator: ",").map(String.init) }
    func isSet(_ name: String) -> Bool { text(name) == "yes" }
}
