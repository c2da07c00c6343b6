// raw: the window, what may be resized, and the guard of a guessed format.
#include "block_fixture.h"

namespace fusebay::test {

namespace {

using namespace std::string_view_literals;

struct Scene {
  explicit Scene(const RawOptions& own = {}, std::uint64_t file_size = 8192,
                 std::uint32_t alignment = 1)
      : file(bench.AddFake("f", file_size, alignment)) {
    file.can_zero = true;
    file.bytes = Data::Pattern(file.bytes.size()).bytes();
    std::fill_n(file.bytes.begin(), 1024, std::byte{0});
    BlockdevOptions options = Raw("f");
    auto& raw = std::get<RawOptions>(options.driver_options);
    raw.offset = own.offset;
    raw.size = own.size;
    raw.probed = own.probed;
    node = bench.TryOpen(options);
  }
  BlockRef Use() {
    CHECK_OK(node);
    return bench.Use(**node);
  }
  Result<> Write(std::uint64_t offset, std::string_view text) {
    if (!ref) {
      ref = Use();
    }
    Data data(text.size());
    std::memcpy(data.begin(), text.data(), text.size());
    return bench.Write(ref, offset, data);
  }
  Bench bench;
  FakeNode& file;
  Result<BlockNode*, Error> node = static_cast<BlockNode*>(nullptr);
  BlockRef ref;
};

RawOptions Window(std::uint64_t offset, std::optional<std::uint64_t> size) {
  RawOptions own;
  own.offset = offset;
  own.size = size;
  return own;
}

RawOptions Guessed() {
  RawOptions own;
  own.probed = true;
  return own;
}

}  // namespace

TEST(AWholeFileIsPassedThrough) {
  Scene s;
  const BlockRef ref = s.Use();
  CHECK_EQ(ref.size(), 8192u);
  const Data data = s.bench.Read(ref, 5000, 1000);
  CHECK(std::equal(data.bytes().begin(), data.bytes().end(), s.file.bytes.begin() + 5000));
}

TEST(AWindowIsShifted) {
  Scene s(Window(4000, 1000));
  const BlockRef ref = s.Use();
  CHECK_EQ(ref.size(), 1000u);
  CHECK_OK(s.bench.Write(ref, 999, Data(1, std::byte{0x55})));
  CHECK_EQ(std::to_integer<int>(s.file.bytes[4999]), 0x55);
}

TEST(AWindowWithoutSizeEndsWithTheFile) {
  Scene s(Window(8000, std::nullopt));
  CHECK_EQ(s.Use().size(), 192u);
}

TEST(AWindowOfBlocksMayBeginAnywhere) {
  Scene s(Window(100, 5000), 8192, 4096);
  const BlockRef ref = s.Use();
  const std::vector<std::byte> before = s.file.bytes;
  CHECK_OK(s.bench.Write(ref, 0, Data(5000, std::byte{0x55})));
  CHECK(std::equal(before.begin(), before.begin() + 100, s.file.bytes.begin()));
  CHECK(std::equal(before.begin() + 5100, before.end(), s.file.bytes.begin() + 5100));
  CHECK(s.bench.Read(ref, 0, 5000).IsAll(std::byte{0x55}));
}

TEST(AWindowThatSticksOutIsRefused) {
  CHECK_MESSAGE(Scene(Window(8193, std::nullopt)).node,
                "Offset (8193) cannot be greater than size of the containing file (8192)");
  CHECK_MESSAGE(Scene(Window(8000, 193)).node,
                "The sum of offset (8000) and size (193) has to be smaller or equal");
  CHECK_OK(Scene(Window(8000, 192)).node);
}

TEST(GrowingMovesTheEndOfTheFile) {
  Scene s(Window(1000, std::nullopt));
  const BlockRef ref = s.Use();
  CHECK_OK(s.bench.Run(ref.Truncate(9000, Prealloc::kOff)));
  CHECK_EQ(ref.size(), 9000u);
  CHECK_EQ(s.file.size(), 10000u);
}

TEST(AFixedWindowDoesNotGrow) {
  Scene s(Window(0, 1000));
  CHECK_ERRNO(s.bench.Run(s.Use().Truncate(2000, Prealloc::kOff)), ENOTSUP);
}

TEST(NobodyElseMayResizeTheFileBelow) {
  Scene s;
  CHECK_MESSAGE(s.bench.graph.Use("f", kWriter, "me"),
                "permissions 'resize' are both required by me");
}

TEST(PermissionsArePassedDown) {
  Scene s;
  const BlockRef ref = s.Use();
  CHECK_EQ(s.file.asked.used, kWriter.used);
  CHECK_EQ(s.file.asked.shared, kPermAll & ~kPermResize);
}

TEST(AReadOnlyFileMakesNoWritableImage) {
  Bench bench;
  bench.AddFake("f", 512, 1, /*read_only=*/true);
  CHECK_MESSAGE(bench.TryOpen(Raw("f")), "Node 'f' is read-only");
  BlockdevOptions options = Raw("f");
  options.auto_read_only = true;
  CHECK(bench.Open(options).read_only());
}

TEST(TheGuardRefusesASignature) {
  Scene s(Guessed());
  CHECK_ERRNO(s.Write(0, "QFI\xfb\0\0\0\1"sv), EPERM);
  CHECK_EQ(std::to_integer<int>(s.file.bytes[0]), 0);
}

TEST(TheGuardSeesASignatureThatComesInParts) {
  Scene s(Guessed());
  CHECK_OK(s.Write(0, "KD"));
  CHECK_ERRNO(s.Write(2, "MV"), EPERM);
  CHECK_ERRNO(s.Write(1, "DMV and more"), EPERM);
  CHECK_OK(s.Write(2, "xy"));
}

TEST(TheGuardSeesASignatureMadeByZeroes) {
  Scene s(Guessed());
  CHECK_OK(s.Write(0, "QEDx"));
  CHECK_ERRNO(s.bench.Run(s.ref.WriteZeroes(3, 1, {})), EPERM);
  CHECK_OK(s.bench.Run(s.ref.WriteZeroes(0, 2000, {})));
}

TEST(TheGuardLetsEverythingElsePass) {
  Scene s(Guessed());
  CHECK_OK(s.Write(0, "\xeb\x63\x90 a boot sector"sv));
  CHECK_OK(s.Write(1, "KDMV"));
  CHECK_OK(s.Write(600, "KDMV"));
}

TEST(WithoutAGuessThereIsNoGuard) {
  Scene s;
  CHECK_OK(s.Write(0, "KDMV"));
}

TEST(ADiscardSparesTheGuardedBytes) {
  Scene s(Guessed());
  CHECK_OK(s.bench.Run(s.Use().Discard(0, 8192)));
  CHECK_EQ(s.file.log, "d7680 ");
}

TEST(InformationIsTheFilesExceptTheFormat) {
  Scene s(Window(0, 1000));
  const auto info = s.bench.Run((*s.node)->Info());
  CHECK_OK(info);
  CHECK_EQ(info->format, "raw");
  CHECK_EQ(info->filename, "f");
  CHECK_EQ(info->virtual_size, 1000u);
}

}  // namespace fusebay::test
