/// A part of JSON Schema (draft 2020-12), as OpenAPI 3.1 writes it.
indirect enum Schema: Equatable, Sendable {
    case string, integer, number, boolean
    case choice([String])
    case array(Schema)
    /// Any keys, values of one form.
    case map(Schema)
    /// These fields and no others; those in `optional` may be missing.
    case object([String: Schema], optional: [String: Schema] = [:])
    case reference(String)
}
