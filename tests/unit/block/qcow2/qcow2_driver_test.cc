// Opening: options, snapshots, and the messages for what cannot be opened.
#include "qcow2/qcow2_driver.h"

#include "qcow2_fixture.h"

namespace fusebay::qcow2 {
namespace {

using test::Disk;
using test::ImageBuilder;
using test::WithSnapshot;

Result<Unit, Error> TryOpen(const ImageBuilder& image, Disk::Change change = nullptr) {
  Disk disk;
  disk.AddFile("file", image.bytes());
  return disk.OpenOn("file", change);
}

TEST(AnImageInAReadOnlyFileIsNotWritten) {
  CHECK_MESSAGE(TryOpen(ImageBuilder(), [](auto& options, auto&) { options.read_only = false; }),
                "Block node is read-only");
}

TEST(AutoReadOnlyIsReadOnly) {
  CHECK_OK(TryOpen(ImageBuilder(), [](auto& options, auto&) {
    options.read_only = false;
    options.auto_read_only = true;
  }));
}

TEST(ABadHeaderIsNamed) {
  CHECK_MESSAGE(TryOpen(ImageBuilder().Set32(kAtVersion, 9)), "file: Unsupported qcow2 version 9");
  CHECK_MESSAGE(TryOpen(ImageBuilder().Cut(3)), "file: Image is not in qcow2 format");
}

TEST(AnUnreadableFileIsNamed) {
  Disk disk;
  disk.AddFile("file", ImageBuilder().bytes()).fails = true;
  CHECK_MESSAGE(disk.OpenOn("file"), "file: cannot read the qcow2 header: Input/output error");
}

TEST(AFileIsNeeded) {
  CHECK_MESSAGE(TryOpen(ImageBuilder(), [](auto&, auto& own) { own.file = BlockdevRef(); }),
                "qcow2: 'file' is missing");
}

TEST(ADataFileIsNeededExactlyWhereTheImageHasOne) {
  CHECK_MESSAGE(TryOpen(ImageBuilder().Set64(kAtIncompatible, kIncompatibleDataFile)),
                "file: 'data-file' is required for this image");
  CHECK_MESSAGE(TryOpen(ImageBuilder(), [](auto&, auto& own) { own.data_file.node_name = "file"; }),
                "file: 'data-file' can only be set for images with an external data file");
}

TEST(ABackingNodeCanBeGiven) {
  Disk disk;
  disk.AddFile("base", std::vector<std::byte>(100 * kKiB, std::byte{'b'}));
  disk.AddFile("file", ImageBuilder().Backing("elsewhere").Data(0, 0, 'a').bytes());
  Disk::Must(disk.OpenOn("file", [](auto&, auto& own) { own.backing.node_name = "base"; }));
  CHECK(disk.Read(60 * kKiB, 45 * kKiB) ==
        std::string(4 * kKiB, 'a') + std::string(36 * kKiB, 'b') + std::string(5 * kKiB, '\0'));
  const BlockStatus below = disk.Status(64 * kKiB, 200 * kKiB);
  CHECK(below.data && below.allocated && !below.zero);
  CHECK_EQ(below.depth, 1u);
  CHECK_EQ(below.length, 36 * kKiB);
  const BlockStatus past = disk.Status(100 * kKiB, 200 * kKiB);
  CHECK(!past.data && !past.allocated && past.zero);
  CHECK_EQ(past.depth, 0u);
}

TEST(ASnapshotIsReadByNameAndById) {
  for (const auto change : {+[](BlockdevOptions&, Qcow2Options& own) { own.snapshot = "old"; },
                            +[](BlockdevOptions&, Qcow2Options& own) { own.snapshot = "7"; }}) {
    Disk disk;
    disk.AddFile("file", WithSnapshot().bytes());
    Disk::Must(disk.OpenOn("file", change));
    CHECK_EQ(disk.image.size(), 128 * kKiB);
    CHECK_EQ(disk.Read(0, 3), "ooo");
    const ImageInfo info = disk.Info();
    CHECK_EQ(info.snapshots.at(0).name, "old");
  }
}

TEST(WithoutASnapshotTheImageIsRead) {
  Disk disk(WithSnapshot());
  CHECK_EQ(disk.image.size(), 1 * kMiB);
  CHECK_EQ(disk.Read(0, 3), "nnn");
}

TEST(ASnapshotThatIsNotThereIsNamed) {
  CHECK_MESSAGE(TryOpen(WithSnapshot(), [](auto&, auto& own) { own.snapshot = "new"; }),
                "file: there is no snapshot 'new'");
}

TEST(ASnapshotWithAWrongTableIsRefusedOnlyWhenItIsAskedFor) {
  CHECK_OK(TryOpen(WithSnapshot(0)));
  CHECK_MESSAGE(TryOpen(WithSnapshot(0), [](auto&, auto& own) { own.snapshot = "old"; }),
                "file: L1 table of snapshot 'old' is too small");
}

TEST(ACutSnapshotTableIsRefused) {
  ImageBuilder image = WithSnapshot();
  image.Cut(image.DataAt(4) + 50);
  CHECK_MESSAGE(TryOpen(image), "lies beyond the end of the file");
}

}  // namespace
}  // namespace fusebay::qcow2
