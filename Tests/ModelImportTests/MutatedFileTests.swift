import CAllocations
import Foundation
import Testing

@testable import ModelImport

/// Damaged files are read or refused: no crash, no second of a processor's time, no more memory than a multiple of
/// their size. `Cluster/fuzz` runs this with more files.
@Suite struct MutatedFileTests {
    /// Files per format; `SHOAL_MUTATED_FILES` in the environment asks for another number.
    private static let files = ProcessInfo.processInfo.environment["SHOAL_MUTATED_FILES"].flatMap { Int($0) } ?? 3_000
    private static let secondsLimit = 1.0

    private static func seed() -> UInt64 {
        ProcessInfo.processInfo.environment["SHOAL_MUTATION_SEED"].flatMap { UInt64($0) }
            ?? UInt64.random(in: 0...UInt64.max)
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private struct Worst {
        var read = 0
        var seconds = 0.0
        var bytes = 0
        /// Bytes for each byte of the file, of files that are large enough not to count what every file takes.
        var multiple = 0.0
    }

    private static func measure(_ format: MutatedFormat, _ file: [UInt8]) -> (Double, Int, isRead: Bool) {
        let start = processorSeconds()
        ca_begin_bytes()
        let isRead = (try? format.read(file)) != nil
        let peak = Int(ca_peak_bytes())
        return (processorSeconds() - start, peak, isRead)
    }

    @Test(arguments: MutatedFormat.all)
    func damageIsHandled(format: MutatedFormat) throws {
        let seed = Self.seed()
        print("\(format.name): seed \(seed)")
        let samples = try format.samples()
        if format.isRead { try format.read(format.wrap(samples[0])) }
        var mutator = Mutator(seed: seed)
        var worst = Worst()
        for round in 0..<Self.files {
            let file = try format.wrap(mutator.mutated(samples[round % samples.count]))
            let limit = format.multiple * file.count + format.base
            var (seconds, peak, isRead) = Self.measure(format, file)
            // What a process sets up once, at the first use of something rare, is not the file's.
            if seconds >= Self.secondsLimit || peak > limit { (seconds, peak, isRead) = Self.measure(format, file) }
            if isRead { worst.read += 1 }
            if seconds >= Self.secondsLimit || peak > limit {
                let name = "\(format.name), seed \(seed), file \(round) of \(file.count) bytes"
                Issue.record("\(name): \(seconds) s of processor time, \(peak) bytes")
            }
            worst.seconds = max(worst.seconds, seconds)
            worst.bytes = max(worst.bytes, peak)
            if file.count >= 2_048 { worst.multiple = max(worst.multiple, Double(peak) / Double(file.count)) }
        }
        print(
            "\(format.name): \(Self.files) files, \(worst.read) of them read, at most \(worst.seconds * 1e3) ms of "
                + "processor time, \(worst.bytes) bytes, \(worst.multiple) times a file of 2 kB or more")
        #expect(worst.read < Self.files, "nothing was damaged")
    }

    /// Files of megabytes, whole and damaged.
    @Test(arguments: ["fashion_supernet.pth", "golden.safetensors"])
    func largeFilesTakeTheirMultiple(name: String) throws {
        let file = try Fixture.bytes(Fixture.example(name))
        let seed = Self.seed()
        var mutator = Mutator(seed: seed)
        for round in 0..<20 {
            let bytes = round == 0 ? file : mutator.mutated(file)
            ca_begin_bytes()
            if name.hasSuffix(".pth") {
                _ = try? PyTorchCheckpoint.parse(bytes)
            } else {
                _ = try? SafetensorsFile.parse(bytes)
            }
            let peak = Int(ca_peak_bytes())
            #expect(peak < 6 * file.count, "\(name), seed \(seed), file \(round): \(peak) bytes")
            if round == 0 {
                print("\(name): \(peak) bytes, \(Double(peak) / Double(file.count)) times the file")
                #expect(peak > file.count / 2 && ca_is_counting() != 0)
            }
        }
    }

    @Test func whatIsTakenIsFollowed() {
        ca_begin_bytes()
        var kept: [[UInt8]] = []
        for _ in 0..<10 { kept = [[UInt8](repeating: 1, count: 100_000)] }
        let peak = ca_peak_bytes()
        #expect(kept[0][99_999] == 1)
        #expect(ca_is_counting() != 0 && (100_000..<350_000).contains(peak), "\(peak)")
    }
}
