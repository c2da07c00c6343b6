// Names of files in images.
#include "block/image_info.h"

#include "check.h"

namespace fusebay::test {

namespace {

std::string Name(const std::string& filename, const std::string& path) {
  ImageInfo file;
  file.filename = filename;
  file.path = path;
  return NameInImage("/a/b/top.qcow2", file);
}

}  // namespace

TEST(AnAbsoluteNameIsAsItWasGiven) {
  CHECK_EQ(Name("/a/b/x", "/a/b/x"), "/a/b/x");
  CHECK_EQ(Name("/disks/x", "/disks/x"), "/disks/x");
}

TEST(ANameInTheSameFolderIsBare) {
  CHECK_EQ(Name("x", "/a/b/x"), "x");
  CHECK_EQ(Name("b/x", "/a/b/x"), "x");
}

TEST(ANameElsewhereIsThePath) {
  CHECK_EQ(Name("x", "/a/c/x"), "/a/c/x");
  CHECK_EQ(Name("b/c/x", "/a/b/c/x"), "/a/b/c/x");
  CHECK_EQ(Name("x", "/x"), "/x");
}

TEST(WhatIsNoFileHasItsName) { CHECK_EQ(Name("node0", ""), "node0"); }

}  // namespace fusebay::test
