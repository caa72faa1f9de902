/// What an ONNX file may hold, beyond `GraphLimits`.
public enum ONNXLimits {
    /// The versions of ONNX's operators that are read.
    public static let opsets = 7...21
    /// The largest file that is read, in bytes; protocol buffers end there.
    public static let fileBytes = 1 << 31
    /// How deep messages may be nested, subgraphs included.
    public static let messageDepth = 16
    /// Messages of any kind in a file. Each costs up to 300 bytes when read, however few it takes in the file: reading
    /// takes 300 MB more than four times the file at the most.
    public static let messages = 1 << 20
    /// All external data of a model together, in bytes.
    public static let externalBytes = 1 << 32
    /// How often external data may be read, on average.
    public static let externalReuse = 4
}
