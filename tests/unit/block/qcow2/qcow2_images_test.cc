// Images made by qemu-img, read through the node and compared with what qemu-img itself reads,
// maps and tells about them.
#include <fcntl.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <random>

#include "qcow2_fixture.h"

namespace fusebay::qcow2 {
namespace {

using test::Disk;
using test::Folder;
using test::Skip;
using Json = nlohmann::json;

constexpr std::size_t kSourceBytes = 8 * kMiB;

// A folder with src.raw, in which qemu-img is run.
class Images {
 public:
  Images() {
    if (std::system("command -v qemu-img qemu-io >/dev/null") != 0) {
      Skip("qemu-img and qemu-io (package qemu-utils) are not installed");
    }
    std::mt19937_64 random(::fusebay::test::Seed());
    std::vector<std::byte> source(kSourceBytes);
    for (std::size_t at = 0; at < source.size(); at += 32 * kKiB) {
      const std::size_t filled = random() % 3 == 0 ? 0 : std::size_t{512} << (random() % 7);
      for (std::size_t i = 0; i < filled; ++i) {
        source[at + i] = static_cast<std::byte>(i % 100 < 80 ? i / 7 : random());
      }
    }
    folder.Write("src.raw", source);
  }

  void Do(const std::string& commands) const {
    const std::string line = "cd " + folder.path() + " && { " + commands + " ; } >log 2>&1";
    if (std::system(line.c_str()) != 0) {
      static_cast<void>(std::system(("cat " + folder / "log >&2").c_str()));
      CHECK_EQ(commands, "a command that works");
    }
  }
  std::string Text(const std::string& name) const {
    std::ifstream in(folder / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  Folder folder;
};

// In pieces of every kind of size, at any place.
void CompareBytes(Disk& disk, const std::string& expected) {
  CHECK_EQ(disk.image.size(), expected.size());
  constexpr std::size_t kPiece = 1 * kMiB;
  for (std::size_t at = 0; at < expected.size(); at += kPiece) {
    const std::size_t length = std::min(kPiece, expected.size() - at);
    CHECK(disk.Read(at, length) == expected.substr(at, length));
  }
  std::mt19937_64 random(::fusebay::test::Seed());
  for (int i = 0; i < 200; ++i) {
    const std::size_t at = random() % expected.size();
    const std::size_t length = 1 + random() % std::min<std::size_t>(expected.size() - at, 200'000);
    CHECK(disk.Read(at, length) == expected.substr(at, length));
  }
}

struct Extent {
  std::uint64_t start;
  std::uint64_t length;
  bool data;
  bool zero;
};

void Append(std::vector<Extent>& extents, const Extent& next) {
  if (!extents.empty() && extents.back().data == next.data && extents.back().zero == next.zero) {
    extents.back().length += next.length;
  } else {
    extents.push_back(next);
  }
}

std::string Show(const std::vector<Extent>& extents) {
  std::string text;
  for (const Extent& extent : extents) {
    text += std::to_string(extent.start) + "+" + std::to_string(extent.length) +
            (extent.data ? " data" : "") + (extent.zero ? " zero" : "") + "\n";
  }
  return text;
}

void CompareMap(Disk& disk, const Json& map) {
  std::vector<Extent> expected;
  for (const Json& extent : map) {
    Append(expected, {extent["start"], extent["length"], extent["data"], extent["zero"]});
  }
  std::vector<Extent> actual;
  for (std::uint64_t at = 0; at < disk.image.size();) {
    const BlockStatus status = disk.Status(at, disk.image.size() - at);
    Append(actual, {at, status.length, status.data, status.zero});
    at += status.length;
  }
  CHECK_EQ(Show(actual), Show(expected));
}

Json ToJson(const ImageInfo::Value& value) {
  return std::visit([](const auto& v) { return Json(v); }, value);
}

void CompareInfo(Disk& disk, const Json& expected) {
  const ImageInfo info = disk.Info();
  CHECK_EQ(info.format, expected["format"].get<std::string>());
  CHECK_EQ(info.virtual_size, expected["virtual-size"].get<std::uint64_t>());
  CHECK_EQ(info.cluster_size, expected["cluster-size"].get<std::uint32_t>());
  CHECK_EQ(*info.actual_size, expected["actual-size"].get<std::uint64_t>());
  CHECK_EQ(info.dirty, expected["dirty-flag"].get<bool>());
  CHECK_EQ(info.backing_filename, expected.value("backing-filename", ""));
  CHECK_EQ(info.backing_format, expected.value("backing-filename-format", ""));
  Json specific = Json::object();
  for (const auto& [name, value] : info.specific) {
    specific[name] = ToJson(value);
  }
  for (const BitmapInfo& bitmap : info.bitmaps) {
    specific["bitmaps"].push_back(
        {{"name", bitmap.name}, {"granularity", bitmap.granularity}, {"flags", bitmap.flags}});
  }
  CHECK_EQ(specific.dump(1), expected["format-specific"]["data"].dump(1));
  Json snapshots = Json::array();
  for (const SnapshotInfo& snapshot : info.snapshots) {
    snapshots.push_back({{"id", snapshot.id},
                         {"name", snapshot.name},
                         {"vm-state-size", snapshot.vm_state_size},
                         {"date-sec", snapshot.date_sec},
                         {"date-nsec", snapshot.date_nsec},
                         {"vm-clock-sec", snapshot.vm_clock_nsec / 1'000'000'000},
                         {"vm-clock-nsec", snapshot.vm_clock_nsec % 1'000'000'000},
                         {"icount", snapshot.icount}});
  }
  CHECK_EQ(snapshots.dump(1), expected.value("snapshots", Json::array()).dump(1));
}

// Makes top.qcow2 with `commands` and compares everything about it. The map comes first: where file
// systems see holes can change when the file is written back, and when it is read.
void Compare(const std::string& commands) {
  const Images images;
  images.Do(commands + "; sync *");
  images.Do("qemu-img map --output=json top.qcow2 >map");
  Disk disk;
  Disk::Must(disk.OpenPath(images.folder / "top.qcow2"));
  CompareMap(disk, Json::parse(images.Text("map")));
  images.Do("qemu-img convert -O raw top.qcow2 expected");
  images.Do("qemu-img info --output=json top.qcow2 >info");
  CompareBytes(disk, images.Text("expected"));
  CompareInfo(disk, Json::parse(images.Text("info")));
}

std::string Convert(const std::string& options) {
  return "qemu-img convert -O qcow2 " + options + " src.raw top.qcow2";
}

// Scattered writes of the size of a sector and more, zeroes and discards.
std::string Scribble(const std::string& name, int seed) {
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  std::string commands = "qemu-io";
  for (int i = 0; i < 12; ++i) {
    const char* const kind[] = {"write -P 7 ", "write -P 200 ", "write -z ", "write -z -u ",
                                "discard "};
    commands += " -c '" + std::string(kind[random() % 5]) + std::to_string(random() % 15000 * 512) +
                " " + std::to_string((1 + random() % 300) * 512) + "'";
  }
  return commands + " " + name;
}

TEST(Version2) { Compare(Convert("-o compat=0.10")); }
TEST(Version3) { Compare(Convert("-o compat=1.1,lazy_refcounts=on")); }
TEST(Clusters512) { Compare(Convert("-o cluster_size=512")); }
TEST(Clusters4K) { Compare(Convert("-o cluster_size=4k,refcount_bits=1")); }
TEST(Clusters2M) { Compare(Convert("-o cluster_size=2M,refcount_bits=64")); }
TEST(CompressedZlib) { Compare(Convert("-c")); }
TEST(CompressedZlib512) { Compare(Convert("-c -o cluster_size=512")); }
TEST(CompressedZlib2M) { Compare(Convert("-c -o cluster_size=2M")); }
TEST(CompressedZstd) { Compare(Convert("-c -o compression_type=zstd")); }
TEST(CompressedZstd4K) { Compare(Convert("-c -o compression_type=zstd,cluster_size=4k")); }
TEST(CompressedVersion2) { Compare(Convert("-c -o compat=0.10")); }
TEST(ExtendedL2) { Compare(Convert("-o extended_l2=on,cluster_size=128k")); }
TEST(ExtendedL2Compressed) { Compare(Convert("-c -o extended_l2=on")); }
TEST(PreallocatedMetadata) { Compare(Convert("-o preallocation=metadata")); }

TEST(CompressedThenWritten) { Compare(Convert("-c") + "; " + Scribble("top.qcow2", 1)); }
TEST(ExtendedL2Written) { Compare(Convert("-o extended_l2=on") + "; " + Scribble("top.qcow2", 2)); }

TEST(DataFile) { Compare(Convert("-o data_file=data.raw") + "; " + Scribble("top.qcow2", 3)); }

TEST(RawDataFile) {
  Compare("qemu-img create -f qcow2 -o data_file=data.raw,data_file_raw=on top.qcow2 8M; " +
          Scribble("top.qcow2", 4));
}

TEST(ChainOfFive) {
  std::string commands = "cp src.raw 0.img; F=raw";
  for (int i = 1; i <= 5; ++i) {
    const std::string name = i == 5 ? "top.qcow2" : std::to_string(i) + ".img";
    commands += "; qemu-img create -f qcow2 -F $F -b " + std::to_string(i - 1) + ".img " +
                (i == 3 ? "-o extended_l2=on " : "") + name + "; F=qcow2; " + Scribble(name, i);
  }
  Compare(commands);
}

TEST(BackingShorter) {
  Compare("qemu-img create -f qcow2 -F raw -b src.raw top.qcow2 12345678; " +
          Scribble("top.qcow2", 6));
}

TEST(BackingLonger) { Compare("qemu-img create -f qcow2 -F raw -b src.raw top.qcow2 5M"); }

TEST(BackingCompressed) {
  Compare(
      "qemu-img convert -c -O qcow2 src.raw base.qcow2; "
      "qemu-img create -f qcow2 -F qcow2 -b base.qcow2 top.qcow2; " +
      Scribble("top.qcow2", 7));
}

TEST(Snapshots) {
  const std::string make = Convert("") + "; qemu-img snapshot -c one top.qcow2; " +
                           Scribble("top.qcow2", 8) + "; qemu-img snapshot -c two top.qcow2; " +
                           Scribble("top.qcow2", 9);
  Compare(make);
  const Images images;
  images.Do(make + "; qemu-img convert -O raw -l one top.qcow2 expected");
  Disk disk;
  Disk::Must(
      disk.OpenPath(images.folder / "top.qcow2", [](auto&, auto& own) { own.snapshot = "one"; }));
  CompareBytes(disk, images.Text("expected"));
}

TEST(Bitmaps) {
  Compare(Convert("") +
          "; qemu-img bitmap --add -g 128k top.qcow2 daily; "
          "qemu-img bitmap --add --disable top.qcow2 weekly");
}

TEST(ATinyCacheReadsTheSame) {
  const Images images;
  images.Do(Convert("-o cluster_size=512"));
  Disk disk;
  Disk::Must(disk.OpenPath(images.folder / "top.qcow2",
                           [](auto&, auto& own) { own.caches.l2_cache_size = 1; }));
  CompareBytes(disk, images.Text("src.raw"));
}

}  // namespace
}  // namespace fusebay::qcow2
