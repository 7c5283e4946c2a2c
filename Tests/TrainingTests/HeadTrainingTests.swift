import Foundation
import FoundationXML
import TestSupport
import Testing

@testable import Training

@Suite struct HeadTrainingTests {
  private let features = SyntheticFeatures(rows: 800, columns: 50, seed: 21)

  private func run(
    _ variant: HeadTraining.Variant, _ optimizer: HeadTraining.Optimizer = .newton
  ) throws -> OptimizerResult {
    var training = HeadTraining(threads: 2)
    (training.variant, training.optimizer) = (variant, optimizer)
    (training.adam.learningRate, training.adam.batch) = (0.01, 128)
    var (fit, validation) = (LabelledRows(), LabelledRows())
    for (row, label) in features.labels.enumerated() {
      if row % 5 == 0 {
        validation.append(row, isGenerated: label == 1)
      } else {
        fit.append(row, isGenerated: label == 1)
      }
    }
    return try training.run(features.table, training: fit, validation: validation)
  }

  @Test func eachVariantIsWhatItSays() throws {
    let (positive, unconstrained, clamped) = (try run(.positive), try run(.unconstrained), try run(.clamped))
    #expect(positive.model.weights.allSatisfy { $0 >= 0 })
    #expect(unconstrained.model.weights.contains { $0 < 0 })
    #expect(clamped.model == unconstrained.model.clamped)
    #expect(clamped.model != positive.model)
    // More freedom fits better.
    #expect(try #require(unconstrained.steps.last).loss < (try #require(positive.steps.last)).loss)
    for result in [positive, unconstrained, clamped] {
      #expect(result.steps.allSatisfy { $0.validationLoss != nil && $0.validationBalancedAccuracy != nil })
      #expect(zip(result.steps, result.steps.dropFirst()).allSatisfy { $1.loss <= $0.loss })
    }
    #expect(try run(.positive, .adam).model.weights.allSatisfy { $0 >= 0 })
  }

  @Test func balancingCountsBothLabelsTheSame() {
    var samples = LabelledRows()
    for row in 0..<10 { samples.append(row, isGenerated: row < 2) }
    samples.balance()
    let generated = zip(samples.weights, samples.labels).reduce(0) { $1.1 == 1 ? $0 + $1.0 : $0 }
    #expect(generated == 5 && samples.weights.reduce(0, +) == 10)
  }

  @Test func theCurveIsWellFormedXML() throws {
    let steps = try run(.positive).steps
    let svg = LossCurve(title: "a & <b>", unit: "step", steps: steps).svg
    let delegate = PictureReader()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = delegate
    #expect(parser.parse())
    // Losses and balanced accuracy.
    #expect(delegate.markers == 3 * steps.count && delegate.texts.contains("balanced accuracy"))
    #expect(LossCurve(title: "", unit: "epoch", steps: []).svg.hasSuffix("</svg>\n"))
  }

  private final class PictureReader: NSObject, XMLParserDelegate {
    var markers = 0
    var texts: [String] = []

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      if name == "circle" { markers += 1 }
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) { texts.append(text) }
  }
}
