/// The version of Shoal: agents tell it, the coordinator and the command line show it.
public enum ProductVersion {
    public static let current = "0.1.0"
}
