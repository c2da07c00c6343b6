// Which options of a new image go together.
#include "block/qcow2_create.h"

#include "base/units.h"
#include "check.h"

namespace fusebay {
namespace {

Result<Unit, Error> Check(void (*change)(Qcow2CreateOptions&)) {
  Qcow2CreateOptions options;
  options.size = 1 * kMiB;
  change(options);
  return CheckQcow2CreateOptions(options);
}

TEST(TheDefaultsAreGood) {
  CHECK_OK(Check([](Qcow2CreateOptions&) {}));
}

TEST(GeometryHasBounds) {
  CHECK_MESSAGE(Check([](auto& o) { o.size = 1000; }), "multiple of 512");
  CHECK_MESSAGE(Check([](auto& o) { o.cluster_size = 1000; }), "Cluster size must be");
  CHECK_MESSAGE(Check([](auto& o) { o.cluster_size = 4 * kMiB; }), "Cluster size must be");
  CHECK_MESSAGE(Check([](auto& o) { o.refcount_bits = 3; }), "Refcount width must be");
  CHECK_MESSAGE(Check([](auto& o) { o.refcount_bits = 128; }), "Refcount width must be");
}

TEST(Version2KnowsLess) {
  CHECK_OK(Check([](auto& o) { o.version = 2; }));
  CHECK_MESSAGE(Check([](auto& o) { o.version = 2, o.lazy_refcounts = true; }), "Lazy refcounts");
  CHECK_MESSAGE(Check([](auto& o) { o.version = 2, o.refcount_bits = 8; }), "compatibility level");
  CHECK_MESSAGE(Check([](auto& o) { o.version = 2, o.extended_l2 = true; }), "Extended L2");
}

TEST(OtherFilesHaveRules) {
  CHECK_MESSAGE(Check([](auto& o) { o.backing_file = "b"; }), "without backing format");
  CHECK_MESSAGE(Check([](auto& o) { o.backing_format = "raw"; }), "without backing file");
  CHECK_MESSAGE(Check([](auto& o) { o.data_file_raw = true; }), "data-file-raw requires data-file");
  CHECK_MESSAGE(Check([](auto& o) {
                  o.backing_file = "b", o.backing_format = "raw";
                  o.preallocation = Prealloc::kMetadata;
                }),
                "only be used at the same time if extended_l2 is on");
}

}  // namespace
}  // namespace fusebay
