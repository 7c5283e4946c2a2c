import Foundation
import Testing

@testable import Detection

@Suite struct ArchitectureTests {
  /// The JSON of the format, key by key.
  @Test func readsAndWritesTheFormat() throws {
    let texts = [
      TinyModel.resnet, TinyModel.lite,
      #"{"family":"resnet","block":"bottleneck","stem":{"kernel":7,"stride":1,"padding":3,"pool":{"kernel":3,"stride":1,"#
        + #""padding":1}},"widths":[64,128,256,512],"depths":[3,4,6,3],"strides":[1,2,2,2]}"#,
    ]
    for text in texts {
      let architecture = try JSONDecoder().decode(Architecture.self, from: Data(text.utf8))
      let written = try JSONEncoder().encode(architecture)
      let (left, right) = (
        try JSONSerialization.jsonObject(with: written), try JSONSerialization.jsonObject(with: Data(text.utf8))
      )
      #expect((left as? NSDictionary) == (right as? NSDictionary), "\(text)")
    }
  }

  /// The published figures of the paper's network.
  @Test func resnet50NoDownIsThePapers() throws {
    let tensors = Architecture.resnet(.resnet50NoDown).requiredTensors
    let parameters = tensors.filter(\.isParameter).reduce(0) { $0 + $1.shape.reduce(1, *) }
    #expect(parameters == 23_510_081)
    // 320 entries of the state_dict, 53 of them num_batches_tracked.
    #expect(tensors.count == 320 - 53)
    #expect(Set(tensors.map(\.name)).count == tensors.count)
    let shapes = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.shape) })
    #expect(shapes["conv1.weight"] == [64, 3, 7, 7])
    #expect(shapes["layer3.0.downsample.0.weight"] == [1024, 512, 1, 1])
    #expect(shapes["layer4.2.conv2.weight"] == [512, 512, 3, 3])
    #expect(shapes["layer1.1.downsample.0.weight"] == nil)
    #expect(shapes["fc.weight"] == [1, 2048])
  }
}
