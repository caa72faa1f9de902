import Datasets
import Foundation

// What sharing gates among boards is worth: eight boards see a stream of CIFAR-10 spread unevenly, learn gates from
// it, and merge them by the product's rules.

let options: Options
do { options = try Options(CommandLine.arguments.dropFirst()) } catch {
    print("sharing-study: \(error)\n\(Options.usage)")
    exit(2)
}
let largest = try LoadedPlan(options.text("largest"))
let all = try ImageSet.read(images: [options.text("images")], labels: [], channels: 3)
// With `own`, so many images are a new board's: neither the others learn from them nor are gates judged by them.
let own = min(max(Int(options.number("own")), 0), all.count - 2)
let shared = (all.count - own) / 2
let (learn, judge) = (all.images(0..<shared + own), all.images(shared + own..<all.count))
let study = Study(options)
let level = try ModelLevel(try LoadedPlan(options.text("smaller")), largest, learn: learn, judge: judge)
try study.runModelLevel(level, labels: Array((learn.labels ?? []).prefix(shared)), modelBytes: largest.bytes)
