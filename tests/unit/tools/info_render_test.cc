// Tests of what `fusebay info` shows; qemu-img's own output is the model.
#include "info_render.h"

#include "check.h"

using namespace fusebay;

namespace {

ImageInfo Raw() {
  ImageInfo info;
  info.filename = "r.img";
  info.format = "raw";
  info.virtual_size = 3 << 20;
  info.actual_size = 4096;
  return info;
}

ImageInfo Qcow2() {
  ImageInfo info;
  info.filename = "t.qcow2";
  info.format = "qcow2";
  info.virtual_size = 100 << 20;
  info.actual_size = 417792;
  info.cluster_size = 65536;
  info.specific = {{"compat", std::string("1.1")},
                   {"compression-type", std::string("zlib")},
                   {"lazy-refcounts", false},
                   {"refcount-bits", std::uint64_t{16}}};
  return info;
}

std::string Text(const ImageInfo& info) { return RenderInfoText({&info, 1}); }
std::string Json(const ImageInfo& info) { return RenderInfoJson({&info, 1}, false); }

void CheckHas(const std::string& text, const std::string& part) {
  if (text.find(part) == std::string::npos) {
    test::Fail(__FILE__, __LINE__, "no '" + part + "' in: " + text);
  }
}

}  // namespace

TEST(RawTextIsThatOfQemuImg) {
  CHECK_EQ(Text(Raw()),
           "image: r.img\nfile format: raw\nvirtual size: 3 MiB (3145728 bytes)\n"
           "disk size: 4 KiB\n");
}

TEST(RawJsonHasNoFormatSpecifics) {
  CHECK_EQ(Json(Raw()),
           "{\n    \"virtual-size\": 3145728,\n    \"filename\": \"r.img\",\n"
           "    \"format\": \"raw\",\n    \"dirty-flag\": false,\n    \"actual-size\": 4096\n}\n");
}

TEST(Qcow2TextIsThatOfQemuImg) {
  CHECK_EQ(Text(Qcow2()),
           "image: t.qcow2\nfile format: qcow2\nvirtual size: 100 MiB (104857600 bytes)\n"
           "disk size: 408 KiB\ncluster_size: 65536\nFormat specific information:\n"
           "    compat: 1.1\n    compression type: zlib\n    lazy refcounts: false\n"
           "    refcount bits: 16\n");
}

TEST(FormatSpecificsKeepTheirTypes) {
  const std::string json = Json(Qcow2());
  CheckHas(json, R"("type": "qcow2")");
  CheckHas(json, R"("compat": "1.1")");
  CheckHas(json, R"("lazy-refcounts": false)");
  CheckHas(json, R"("refcount-bits": 16)");
}

TEST(BackingFileIsTold) {
  ImageInfo info = Qcow2();
  info.backing_filename = "b.qcow2";
  info.full_backing_filename = "dir/b.qcow2";
  info.backing_format = "qcow2";
  CheckHas(Text(info), "backing file: b.qcow2 (actual path: dir/b.qcow2)\n");
  CheckHas(Text(info), "backing file format: qcow2\n");
  CheckHas(Json(info), R"("full-backing-filename": "dir/b.qcow2")");
  CheckHas(Json(info), R"("backing-filename-format": "qcow2")");
}

TEST(SnapshotsAreAligned) {
  ImageInfo info = Qcow2();
  info.snapshots = {SnapshotInfo{"1", "s1", 0, 0, 1795252321, 826312000, 3'723'004'000'000, 0}};
  CheckHas(Text(info),
           "ID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT\n"
           "1         s1                    0 B ");
  CheckHas(Text(info), "01:02:03.004          0\n");
  CheckHas(Json(info), R"("vm-clock-sec": 3723)");
  CheckHas(Json(info), R"("date-nsec": 826312000)");
}

TEST(BitmapsBelongToTheFormatSpecifics) {
  ImageInfo info = Qcow2();
  info.bitmaps = {BitmapInfo{"bm", 65536, {"auto"}}};
  CheckHas(Text(info),
           "    bitmaps:\n        [0]:\n            flags:\n                [0]: auto\n"
           "            name: bm\n            granularity: 65536\n");
  CheckHas(Json(info), R"("granularity": 65536)");
}

TEST(DirtyImageIsTold) {
  ImageInfo info = Qcow2();
  info.dirty = true;
  CheckHas(Text(info), "cleanly shut down: no\n");
  CheckHas(Json(info), R"("dirty-flag": true)");
}

TEST(ChainIsAnArrayAndParagraphs) {
  const std::vector<ImageInfo> chain = {Qcow2(), Raw()};
  CHECK(RenderInfoJson(chain, true).starts_with('['));
  CheckHas(RenderInfoText(chain), "\n\nimage: r.img\n");
}

TEST(HostileNamesKeepToTheirLine) {
  ImageInfo info = Raw();
  info.filename = "a\nformat: evil";
  CheckHas(Text(info), "image: a\\x0aformat: evil\n");
}
