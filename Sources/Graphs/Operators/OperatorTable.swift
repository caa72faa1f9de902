/// Every operator that a graph may use. Tests and the importer read the same table.
public enum OperatorTable {
    public static let rows: [Operator] =
        unaryOperators + binaryOperators + reductionOperators + matrixOperators
        + convolutionOperators + quantisationOperators + poolingOperators + normalisationOperators + shapeOperators
        + movementOperators + indexingOperators + resizeOperators + selectionOperators

    private static let byName = Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0) })

    /// Names of the operators, sorted.
    public static var names: [String] { byName.keys.sorted() }

    /// - Throws: where there is no such operator in the node's version.
    public static func row(for node: Node) throws(GraphFailure) -> Operator {
        guard node.domain.isEmpty, let row = byName[node.operatorName] else {
            throw GraphFailure("this operator is not supported", at: node)
        }
        guard row.opsets.contains(node.opset) else {
            throw GraphFailure(
                "this operator is supported in opsets \(row.opsets.lowerBound) to \(row.opsets.upperBound)", at: node)
        }
        return row
    }

    public static func check(_ node: Node) throws(GraphFailure) { _ = try row(for: node) }
}
