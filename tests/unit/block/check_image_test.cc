// Which files can be checked, and what is said about those that cannot. What a check finds:
// qcow2/qcow2_check_test.cc.
#include "block/check_image.h"

#include "qcow2/qcow2_fixture.h"

using namespace fusebay;
using qcow2::test::Disk;
using qcow2::test::Folder;
using qcow2::test::ImageBuilder;

namespace {

class Silent : public CheckObserver {
 public:
  void OnMessage(std::string_view) override {}
  void OnProgress(std::uint64_t, std::uint64_t) override {}
  void OnRepaired(const CheckResult&) override {}
};

Result<CheckResult, Error> Check(const std::string& filename, CheckFix fix = CheckFix::kNone,
                                 const std::string& format = "") {
  Disk disk;
  CheckRequest request;
  request.filename = filename;
  request.format = format;
  request.fix = fix;
  Silent observer;
  return disk.Run(CheckImage(disk.graph, request, observer));
}

// Without refcounts: everything is wrong, and can be made right.
std::string Image(const Folder& folder) {
  return folder.Write("disk.qcow2", ImageBuilder().Data(0, 0, 'x').bytes());
}

TEST(AnImageIsCheckedAndRepaired) {
  const Folder folder;
  const std::string image = Image(folder);
  const auto before = Check(image);
  CHECK_OK(before);
  CHECK(before->corruptions > 0);
  const auto repaired = Check(image, CheckFix::kAll);
  CHECK_OK(repaired);
  CHECK(repaired->clean());
  CHECK(repaired->corruptions_fixed > 0);
  const auto after = Check(image);
  CHECK_OK(after);
  CHECK(after->clean());
}

TEST(ARawImageHasNoChecks) {
  const Folder folder;
  const auto guessed = Check(folder.Write("disk.img", std::vector<std::byte>(4096)));
  CHECK(!guessed.ok());
  CHECK_EQ(guessed.error().code.value(), ENOTSUP);
  CHECK_MESSAGE(Check(Image(folder), CheckFix::kNone, "raw"), "does not support checks");
}

TEST(AMissingFileIsNamed) { CHECK_MESSAGE(Check("/nonexistent/disk.qcow2"), "/nonexistent/disk"); }

// "Cannot be checked" is a promise about the format, not about this file.
TEST(AnUnknownFeatureIsNoMissingCheck) {
  const Folder folder;
  ImageBuilder image;
  image.Set64(qcow2::kAtIncompatible, 1u << 20);
  const auto checked = Check(folder.Write("disk.qcow2", image.bytes()));
  CHECK_MESSAGE(checked, "Unsupported qcow2 feature");
  CHECK_EQ(checked.error().code.value(), EINVAL);
}

}  // namespace
