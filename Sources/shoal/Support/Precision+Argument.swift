public import ArgumentParser
public import Engine

extension Precision: ExpressibleByArgument {}
