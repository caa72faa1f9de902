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
let (learn, judge) = (all.images(0..<all.count / 2), all.images(all.count / 2..<all.count))
let study = Study(options)
if options.text("kind") == "model" {
    let level = try ModelLevel(try LoadedPlan(options.text("smaller")), largest, learn: learn, judge: judge)
    try study.runModelLevel(level, labels: learn.labels ?? [], modelBytes: largest.bytes)
} else {
    try study.runWithin(largest, learn: learn, judge: judge)
}
