// Copies of node options.
#include "block/options.h"

namespace fusebay {

namespace {

RawOptions CopyOf(const RawOptions& raw) {
  return {.file = fusebay::CopyOf(raw.file),
          .offset = raw.offset,
          .size = raw.size,
          .probed = raw.probed};
}

Qcow2Options CopyOf(const Qcow2Options& qcow2) {
  Qcow2Options copy;
  copy.file = fusebay::CopyOf(qcow2.file);
  copy.backing = fusebay::CopyOf(qcow2.backing);
  copy.no_backing = qcow2.no_backing;
  copy.data_file = fusebay::CopyOf(qcow2.data_file);
  copy.snapshot = qcow2.snapshot;
  copy.l2_cache_size = qcow2.l2_cache_size;
  copy.refcount_cache_size = qcow2.refcount_cache_size;
  copy.named_files = qcow2.named_files;
  copy.opened_above = qcow2.opened_above;
  return copy;
}

// What has no children.
template <class T>
T CopyOf(const T& plain) {
  return plain;
}

}  // namespace

BlockdevRef CopyOf(const BlockdevRef& ref) {
  BlockdevRef copy;
  copy.node_name = ref.node_name;
  if (ref.definition != nullptr) {
    copy.definition = std::make_unique<BlockdevOptions>(CopyOf(*ref.definition));
  }
  return copy;
}

BlockdevOptions CopyOf(const BlockdevOptions& options) {
  BlockdevOptions copy;
  copy.driver = options.driver;
  copy.node_name = options.node_name;
  copy.read_only = options.read_only;
  copy.auto_read_only = options.auto_read_only;
  copy.discard_unmap = options.discard_unmap;
  copy.detect_zeroes = options.detect_zeroes;
  copy.cache = options.cache;
  std::visit([&copy](const auto& own) { copy.driver_options = CopyOf(own); },
             options.driver_options);
  return copy;
}

}  // namespace fusebay
