// What `fusebay img check` prints; qemu-img's own output is the model.
#include "check_render.h"

#include "check.h"

using namespace fusebay;

namespace {

CheckResult Sound() {
  CheckResult result;
  result.image_end_offset = 4521984;
  result.total_clusters = 1024;
  result.allocated_clusters = 64;
  return result;
}

TEST(ASoundImageAsText) {
  CHECK_EQ(RenderCheckText(Sound()),
           "No errors were found on the image.\n"
           "64/1024 = 6.25% allocated, 0.00% fragmented, 0.00% compressed clusters\n"
           "Image end offset: 4521984\n");
}

TEST(AnEmptyImageHasNoPercentages) {
  CHECK_EQ(RenderCheckText(CheckResult{}), "No errors were found on the image.\n");
}

TEST(EveryKindOfProblemAsText) {
  CheckResult result;
  result.corruptions = 2;
  result.leaks = 3;
  result.check_errors = 4;
  CHECK_EQ(RenderCheckText(result),
           "\n2 errors were found on the image.\n"
           "Data may be corrupted, or further writes to the image may corrupt it.\n"
           "\n3 leaked clusters were found on the image.\n"
           "This means waste of disk space, but no harm to data.\n"
           "\n4 internal errors have occurred during the check.\n");
}

TEST(MembersOfJsonAreInQemusOrder) {
  CheckResult result = Sound();
  result.leaks = 1;
  result.corruptions = 2;
  result.fragmented_clusters = 3;
  CHECK_EQ(RenderCheckJson(result, "d.qcow2", "qcow2"),
           "{\n"
           "    \"image-end-offset\": 4521984,\n"
           "    \"total-clusters\": 1024,\n"
           "    \"corruptions\": 2,\n"
           "    \"check-errors\": 0,\n"
           "    \"leaks\": 1,\n"
           "    \"allocated-clusters\": 64,\n"
           "    \"filename\": \"d.qcow2\",\n"
           "    \"format\": \"qcow2\",\n"
           "    \"fragmented-clusters\": 3\n"
           "}\n");
}

TEST(TheWorstDecidesTheExitStatus) {
  CheckResult result;
  CHECK_EQ(CheckExitCode(result), 0);
  result.leaks = 1;
  CHECK_EQ(CheckExitCode(result), 3);
  result.corruptions = 1;
  CHECK_EQ(CheckExitCode(result), 2);
  result.check_errors = 1;
  CHECK_EQ(CheckExitCode(result), 1);
}

}  // namespace
