import COneDNN

/// A view on a tensor in memory that somebody else owns (`dnnl_memory_t`).
final class TensorMemory {
  let handle: dnnl_memory_t
  private(set) var address: UnsafeMutableRawPointer?

  /// - Parameter address: nil until ``place(at:)``.
  init(_ layout: TensorLayout, at address: UnsafeMutableRawPointer? = nil, engine: Engine) throws(NetworkError) {
    var handle: dnnl_memory_t?
    let status = withUnsafePointer(to: layout.descriptor) { dnnl_memory_create(&handle, $0, engine.handle, address) }
    try check(status, "describe memory to oneDNN")
    guard let handle else { throw NetworkError(.library, "oneDNN made no memory object") }
    self.handle = handle
    self.address = address
  }

  deinit {
    dnnl_memory_destroy(handle)
  }

  /// oneDNN zeroes a blocked order's padding on this call: it must come before anything is written there.
  func place(at address: UnsafeMutableRawPointer) throws(NetworkError) {
    if self.address == address { return }
    try check(dnnl_memory_set_data_handle(handle, address), "place a tensor")
    self.address = address
  }
}
