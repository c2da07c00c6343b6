// Power cuts below a qcow2 image on a simulated disk: qemu-img finds no corruption afterwards, what
// a completed flush covered is there, and everything else is old or new, sector by sector.
#include <array>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/align.h"
#include "core/scope.h"
#include "sim_device.h"

namespace fusebay::test {

namespace {

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kSize = 192 << 10;
constexpr std::uint64_t kMaxLength = 12 << 10;
constexpr std::size_t kTasks = 4;

// What a seed's image is: options of qemu-img create, and whether it has a snapshot.
struct Shape {
  const char* options;
  bool snapshot;
};
constexpr std::array kShapes{
    Shape{"cluster_size=512", false},
    Shape{"cluster_size=4096", false},
    Shape{"cluster_size=1024,refcount_bits=64", false},
    Shape{"cluster_size=512,refcount_bits=1", false},
    Shape{"cluster_size=16k,extended_l2=on", false},
    Shape{"cluster_size=2048,compat=0.10", false},
    Shape{"cluster_size=1024", true},
    Shape{"cluster_size=16k,extended_l2=on", true},
    Shape{"cluster_size=512,lazy_refcounts=on", true},
    Shape{"cluster_size=2048,compression_type=zstd,refcount_bits=2", false},
};

// A folder for files that qemu-img makes and judges.
class Workshop {
 public:
  Workshop() {
    std::string path = (std::filesystem::temp_directory_path() / "fusebay-sim-XXXXXX").string();
    CHECK(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~Workshop() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  int Run(const std::string& command) const {
    const int status = std::system(("cd " + path_ + " && " + command + " >log 2>&1").c_str());
    return WEXITSTATUS(status);
  }
  std::vector<std::byte> Load(const std::string& name) const {
    std::ifstream in(path_ + "/" + name, std::ios::binary);
    std::vector<std::byte> bytes(std::filesystem::file_size(path_ + "/" + name));
    in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    CHECK(in.good());
    return bytes;
  }
  void Save(const std::string& name, const std::vector<std::byte>& bytes) const {
    std::ofstream out(path_ + "/" + name, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
    CHECK(out.good());
  }

 private:
  std::string path_;
};

const Workshop& TheWorkshop() {
  static const Workshop workshop;
  return workshop;
}

const std::vector<std::byte>& ImageOf(const Shape& shape) {
  static std::map<const Shape*, std::vector<std::byte>> images;
  std::vector<std::byte>& image = images[&shape];
  if (image.empty()) {
    const Workshop& workshop = TheWorkshop();
    CHECK_EQ(workshop.Run(std::string("qemu-img create -f qcow2 -o ") + shape.options +
                          " i.qcow2 " + std::to_string(kSize)),
             0);
    if (shape.snapshot) {
      CHECK_EQ(workshop.Run("qemu-io -c 'write -P 17 0 64k' -c 'write -P 18 100k 60k' i.qcow2"), 0);
      CHECK_EQ(workshop.Run("qemu-img snapshot -c first i.qcow2"), 0);
    }
    image = workshop.Load("i.qcow2");
  }
  return image;
}

using Sector = std::array<std::byte, kSector>;

// Everything that one sector has been meant to hold, oldest first. Each has one writer at a time.
struct History {
  std::vector<Sector> versions{Sector{}};
  std::size_t completed = 0;
  std::size_t durable = 0;
};

struct Scene {
  Scene(std::uint64_t seed, Verdict& its_verdict)
      : shape(kShapes[seed % kShapes.size()]),
        device(seed, {.size = kSector}, DiskOptions(1, 0.1, kSector)),
        verdict(its_verdict) {
    device.ref = BlockRef();
    CHECK_OK(device.Run(device.graph.CloseAll()));
    device.disk.SetContents(device.file, ImageOf(shape));
  }
  // Opens the image as a program that starts does.
  void Open() {
    device.Attach();
    device.ref = BlockRef();
    BlockdevOptions options;
    options.driver = "qcow2";
    options.node_name = "image";
    options.read_only = false;
    Qcow2Options own;
    own.file.node_name = "disk";
    own.caches.l2_cache_size = 64 << 10;  // small enough to be written back at any time
    options.driver_options = std::move(own);
    const auto opened = device.Run(device.graph.Open(options));
    CHECK_OK(opened);
    auto used = device.graph.Use("image", {.used = kPermConsistentRead | kPermWrite | kPermResize},
                                 "the simulation");
    CHECK_OK(used);
    image = std::move(*used);
  }
  Result<Unit, Error> Close() {
    image = BlockRef();
    return device.Run(device.graph.CloseAll());
  }

  const Shape& shape;
  SimDevice device;
  BlockRef image;
  std::vector<History> sectors;
  Verdict& verdict;
  std::uint64_t operations = 0;
  std::uint64_t next_stamp = 1;
};

enum class Kind : std::uint8_t { kWrite, kCompressed, kZero, kUnmap, kDiscard, kAllocate };

struct Change {
  Kind kind = Kind::kWrite;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool fua = false;
  std::uint64_t stamp = 0;
  std::uint64_t first_sector() const { return offset / kSector; }
  std::uint64_t last_sector() const { return (offset + length - 1) / kSector; }
  std::byte ByteAt(std::uint64_t at) const {
    const bool has_data = kind == Kind::kWrite || kind == Kind::kCompressed;
    return has_data ? static_cast<std::byte>(stamp >> (at % 3 * 8) | 1) : std::byte{0};
  }
};

// Whole clusters, if there are any in [begin, end).
void AlignToClusters(Change& change, std::uint64_t cluster, std::uint64_t begin,
                     std::uint64_t end) {
  change.offset = std::max(AlignDown(change.offset, cluster), AlignUp(begin, cluster));
  const std::uint64_t whole_end = AlignDown(end, cluster);
  if (change.offset >= whole_end) {
    change.offset = AlignDown(begin, kSector);
    return;
  }
  change.length = std::min(AlignUp(change.length, cluster), whole_end - change.offset);
}

Change RandomChange(Scene& scene, std::uint64_t begin, std::uint64_t end) {
  SeededRandom& random = scene.device.random;
  static constexpr std::array kKinds{Kind::kWrite,      Kind::kWrite,      Kind::kWrite,
                                     Kind::kCompressed, Kind::kCompressed, Kind::kZero,
                                     Kind::kUnmap,      Kind::kDiscard,    Kind::kAllocate};
  Change change;
  change.kind = kKinds[random.Below(kKinds.size())];
  change.offset = begin + random.Below((end - begin) / kSector) * kSector;
  const std::uint64_t most = std::min(end - change.offset, kMaxLength);
  change.length = std::max(kSector, random.Between(1, most) / kSector * kSector);
  if (change.kind == Kind::kCompressed) {
    AlignToClusters(change, scene.image.node().limits().cluster_size, begin, end);
  }
  change.fua = random.OneIn(8) && change.kind != Kind::kDiscard && change.kind != Kind::kAllocate;
  change.stamp = scene.next_stamp++ * 0x9e3779b9;
  return change;
}

// Notes what the change may make of each of its sectors.
void Announce(Scene& scene, const Change& change) {
  if (change.kind == Kind::kAllocate) {
    return;
  }
  for (std::uint64_t i = change.first_sector(); i <= change.last_sector(); ++i) {
    Sector next;
    for (std::uint64_t j = 0; j < kSector; ++j) {
      next[j] = change.ByteAt(i * kSector + j);
    }
    scene.sectors[i].versions.push_back(next);
  }
}

// After a discard a sector may still hold what it held.
void Complete(Scene& scene, const Change& change) {
  if (change.kind == Kind::kAllocate || change.kind == Kind::kDiscard) {
    return;
  }
  for (std::uint64_t i = change.first_sector(); i <= change.last_sector(); ++i) {
    History& sector = scene.sectors[i];
    sector.completed = sector.versions.size() - 1;
    sector.durable = change.fua ? sector.completed : sector.durable;
  }
}

Task<Result<>> Perform(Scene& scene, Change change) {
  ++scene.operations;
  const BlockRef& ref = scene.image;
  Result<> r = Ok();
  switch (change.kind) {
    case Kind::kWrite:
    case Kind::kCompressed: {
      const Scattered data(scene.device, change.length);
      for (std::uint64_t i = 0; i < change.length; ++i) {
        data.data()[i] = change.ByteAt(change.offset + i);
      }
      r = co_await ref.Write(change.offset, data.vec(),
                             {.fua = change.fua, .compressed = change.kind == Kind::kCompressed});
      break;
    }
    case Kind::kZero:
    case Kind::kUnmap:
      r = co_await ref.WriteZeroes(change.offset, change.length,
                                   {.may_unmap = change.kind == Kind::kUnmap, .fua = change.fua});
      break;
    case Kind::kDiscard:
      r = co_await ref.Discard(change.offset, change.length);
      break;
    case Kind::kAllocate:
      r = co_await ref.Allocate(change.offset, change.length);
      break;
  }
  co_return r;
}

Task<Result<>> FlushAll(Scene& scene) {
  ++scene.operations;
  std::vector<std::size_t> covered;
  for (const History& sector : scene.sectors) {
    covered.push_back(sector.completed);
  }
  const Result<> r = co_await scene.image.Flush(FlushMode::kDisk);
  for (std::size_t i = 0; r.ok() && i < covered.size(); ++i) {
    scene.sectors[i].durable = std::max(scene.sectors[i].durable, covered[i]);
  }
  co_return r;
}

Task<Unit> WorkUntilTheEnd(Scene& scene, std::uint64_t first, std::uint64_t last) {
  for (int i = 0; i < 40; ++i) {
    if (scene.device.random.OneIn(6)) {
      const Result<> r = co_await FlushAll(scene);
      if (!r.ok()) {
        break;
      }
      continue;
    }
    const Change change = RandomChange(scene, first * kSector, last * kSector);
    Announce(scene, change);
    const Result<> r = co_await Perform(scene, change);
    if (!r.ok()) {
      scene.verdict.Expect(!scene.device.disk.powered(), "an operation failed under power");
      break;
    }
    Complete(scene, change);
  }
  co_return Unit{};
}

Task<Unit> WorkTogether(Scene& scene) {
  TaskScope scope;
  const std::size_t count = scene.sectors.size();
  for (std::size_t i = 0; i < kTasks; ++i) {
    scope.Spawn(WorkUntilTheEnd(scene, count * i / kTasks, count * (i + 1) / kTasks));
  }
  co_await scope.Join();
  co_return Unit{};
}

// To another size, alone. What it does to sectors that come or go is not remembered.
Task<Unit> Resize(Scene& scene) {
  ++scene.operations;
  const std::uint64_t size = scene.device.random.Between(kSize / kSector / 2, kSize / kSector * 2);
  const Result<> r = co_await scene.image.Truncate(size * kSector, Prealloc::kOff);
  scene.verdict.Expect(r.ok() || !scene.device.disk.powered(), "a resize failed under power");
  const std::size_t kept = std::min<std::size_t>(scene.sectors.size(), size);
  scene.sectors.resize(kept);
  if (r.ok()) {
    scene.sectors.resize(size);
  }
  co_return Unit{};
}

// Each sector is the last one promised, or one that came later; it is then all there is.
Task<Unit> CheckSurvivors(Scene& scene) {
  const std::size_t count = scene.image.size() / kSector;
  scene.verdict.Expect(count >= scene.sectors.size(), "the disk has shrunk by itself");
  const std::size_t known = scene.sectors.size();
  scene.sectors.resize(count);
  const Scattered data(scene.device, count * kSector);
  const Result<> r = co_await scene.image.Read(0, data.vec());
  scene.verdict.Expect(r.ok(), "a read after the power cut failed");
  for (std::size_t i = 0; r.ok() && i < count; ++i) {
    Sector found{};
    std::copy_n(data.data() + i * kSector, kSector, found.begin());
    const History& history = scene.sectors[i];
    const auto since = history.versions.begin() + static_cast<std::ptrdiff_t>(history.durable);
    const bool good =
        i >= known || std::find(since, history.versions.end(), found) != history.versions.end();
    const bool ever = std::ranges::find(history.versions, found) != history.versions.end();
    scene.verdict.Expect(good, std::string(ever ? "an old version of" : "nonsense in") +
                                   " sector " + std::to_string(i));
    scene.sectors[i] = History{.versions = {found}};
  }
  co_return Unit{};
}

// What the image has at first.
Task<Unit> LearnContents(Scene& scene) {
  scene.sectors.resize(scene.image.size() / kSector);
  const Scattered data(scene.device, scene.image.size());
  const Result<> r = co_await scene.image.Read(0, data.vec());
  scene.verdict.Expect(r.ok(), "the first read failed");
  for (std::size_t i = 0; i < scene.sectors.size(); ++i) {
    std::copy_n(data.data() + i * kSector, kSector, scene.sectors[i].versions[0].begin());
  }
  co_return Unit{};
}

// Leaks are allowed, nothing else.
void JudgeImage(Scene& scene) {
  const Workshop& workshop = TheWorkshop();
  workshop.Save("judged.qcow2", scene.device.disk.Durable(scene.device.file));
  const int status = workshop.Run("qemu-img check judged.qcow2");
  if (!scene.verdict.Expect(status == 0 || status == 3,
                            "qemu-img check: status " + std::to_string(status))) {
    static_cast<void>(workshop.Run("tail -n 20 log >&2; true"));
    const std::vector<std::byte> log = workshop.Load("log");
    std::fwrite(log.data(), 1, log.size(), stderr);
  }
}

std::uint64_t RunPowerCuts(std::uint64_t seed, Verdict& verdict) {
  Scene scene(seed, verdict);
  scene.Open();
  scene.device.Run(LearnContents(scene));
  for (int i = 0; i < 3 && verdict.ok(); ++i) {
    const bool cut = !scene.device.random.OneIn(4);
    if (cut) {
      scene.device.disk.CrashAfter(scene.device.random.Between(1, 400));
    }
    if (!scene.shape.snapshot && scene.device.random.OneIn(3)) {
      scene.device.Run(Resize(scene));
    }
    scene.device.Run(WorkTogether(scene));
    if (!cut) {
      verdict.Expect(scene.device.Run(FlushAll(scene)).ok(), "a flush failed under power");
    } else if (scene.device.disk.powered()) {
      scene.device.disk.Crash();
    }
    verdict.Expect(scene.Close().ok() != cut, "closing says the wrong thing");
    scene.device.disk.PowerOn();
    JudgeImage(scene);
    if (verdict.ok()) {
      scene.Open();
      scene.device.Run(CheckSurvivors(scene));
    }
  }
  static_cast<void>(scene.Close());
  return scene.operations;
}

}  // namespace

TEST(NoPowerCutHurtsAnImage) {
  if (std::system("command -v qemu-img qemu-io >/dev/null") != 0) {
    Skip("qemu-img and qemu-io (package qemu-utils) are not installed");
  }
  RunSeeds("power cuts below qcow2", 30, &RunPowerCuts);
}

}  // namespace fusebay::test
