// What is told about an image.
#include "qcow2_fixture.h"

namespace fusebay::qcow2 {
namespace {

using test::Disk;
using test::ImageBuilder;
using Member = std::pair<std::string, ImageInfo::Value>;

TEST(InfoUsesTheFieldsWords) {
  ImageBuilder image;
  image.Extension(kExtensionBackingFormat, "raw").Backing("base.img");
  image.Set64(kAtIncompatible, kIncompatibleDirty | kIncompatibleCorrupt);
  image.Set64(kAtCompatible, kCompatibleLazyRefcounts);
  Disk disk;
  disk.AddFile("file", image.bytes());
  Disk::Must(disk.OpenOn("file", [](auto&, auto& own) { own.no_backing = true; }));
  const ImageInfo info = disk.Info();
  CHECK_EQ(info.format, "qcow2");
  CHECK_EQ(info.backing_filename, "base.img");
  CHECK_EQ(info.backing_format, "raw");
  CHECK(info.dirty);
  const std::vector<Member> expected{
      {"compat", std::string("1.1")},
      {"compression-type", std::string("zlib")},
      {"lazy-refcounts", true},
      {"refcount-bits", std::uint64_t{16}},
      {"corrupt", true},
      {"extended-l2", false},
  };
  CHECK(info.specific == expected);
}

TEST(Version2HasFewWords) {
  Disk disk(ImageBuilder({.version = 2}));
  const ImageInfo info = disk.Info();
  const std::vector<Member> expected{
      {"compat", std::string("0.10")},
      {"compression-type", std::string("zlib")},
      {"refcount-bits", std::uint64_t{16}},
  };
  CHECK(info.specific == expected);
}

TEST(ADataFileIsNamed) {
  ImageBuilder image;
  image.Extension(kExtensionDataFile, "data.raw").Set64(kAtIncompatible, kIncompatibleDataFile);
  image.Set64(kAtAutoclear, kAutoclearDataFileRaw);
  Disk disk;
  disk.AddFile("data", {});
  disk.AddFile("file", image.bytes());
  Disk::Must(disk.OpenOn("file", [](auto&, auto& own) { own.data_file.node_name = "data"; }));
  const ImageInfo info = disk.Info();
  const Member name{"data-file", std::string("data.raw")};
  const Member raw{"data-file-raw", true};
  CHECK(info.specific.at(4) == name);
  CHECK(info.specific.at(5) == raw);
}

}  // namespace
}  // namespace fusebay::qcow2
