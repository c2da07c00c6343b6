// What a new image learns of its backing file.
#include "block/qcow2_create.h"
#include "qcow2_fixture.h"

namespace fusebay {
namespace {

using qcow2::test::Disk;
using qcow2::test::Folder;
using qcow2::test::ImageBuilder;

struct Looker {
  Folder folder;
  Disk disk;
  Result<BackingLook, Error> Look(const std::string& name, const std::string& format) {
    return disk.Run(LookAtBacking(folder / "new.qcow2", name, format));
  }
};

TEST(ARelativeNameIsBesideTheImage) {
  Looker looker;
  looker.folder.Write("base.raw", std::vector<std::byte>(1000));
  const auto look = looker.Look("base.raw", "raw");
  CHECK_OK(look);
  CHECK_EQ(look->size, 1000u);
}

TEST(AFormatIsGuessed) {
  Looker looker;
  looker.folder.Write("base.qcow2", ImageBuilder().bytes());
  const auto look = looker.Look("base.qcow2", "");
  CHECK_OK(look);
  CHECK_EQ(look->format, "qcow2");
  CHECK_EQ(look->size, 1 * kMiB);
}

TEST(WhatCannotBeOpenedIsAnError) {
  Looker looker;
  CHECK_MESSAGE(looker.Look("nowhere.raw", "raw"), "No such file or directory");
  looker.folder.Write("base.raw", std::vector<std::byte>(1000));
  CHECK_MESSAGE(looker.Look("base.raw", "qcow2"), "base.raw");
}

}  // namespace
}  // namespace fusebay
