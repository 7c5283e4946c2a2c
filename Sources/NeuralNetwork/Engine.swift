import COneDNN

/// oneDNN's CPU engine and its one stream. Confined to its network.
final class Engine {
  let handle: dnnl_engine_t
  let stream: dnnl_stream_t

  /// oneDNN's own cache of compiled primitives, for the whole process. Networks keep their plans themselves; the
  /// library's 1,024 would only be a hundred megabytes more on a mixed stream of sizes.
  private static let cachedPrimitives: Int32 = 128

  init() throws(NetworkError) {
    try check(dnnl_set_primitive_cache_capacity(Self.cachedPrimitives), "limit the cache of primitives")
    var engine: dnnl_engine_t?
    try check(dnnl_engine_create(&engine, dnnl_cpu, 0), "create oneDNN's CPU engine")
    var stream: dnnl_stream_t?
    let status = dnnl_stream_create(&stream, engine, UInt32(dnnl_stream_default_flags.rawValue))
    guard status == dnnl_success, let engine, let stream else {
      dnnl_engine_destroy(engine)
      throw NetworkError(.library, "cannot create oneDNN's stream", status: UInt32(status.rawValue))
    }
    self.handle = engine
    self.stream = stream
  }

  /// Empties the library's cache; what somebody uses stays.
  static func forgetPrimitives() {
    dnnl_set_primitive_cache_capacity(0)
    dnnl_set_primitive_cache_capacity(cachedPrimitives)
  }

  deinit {
    dnnl_stream_destroy(stream)
    dnnl_engine_destroy(handle)
  }
}
