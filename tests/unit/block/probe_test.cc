// Probing: each format by its signature, and nothing else.
#include "probe.h"

#include "block_fixture.h"

namespace fusebay::test {

namespace {

using namespace std::string_view_literals;

std::string_view ProbeText(std::string_view text, std::size_t at = 0, std::size_t size = 512) {
  std::vector<std::byte> head(size);
  std::memcpy(head.data() + at, text.data(), text.size());
  return ProbeFormat(head);
}

}  // namespace

TEST(EveryKnownFormatIsRecognised) {
  CHECK_EQ(ProbeText("QFI\xfb\0\0\0\1"sv), "qcow"sv);
  CHECK_EQ(ProbeText("KDMV"sv), "vmdk"sv);
  CHECK_EQ(ProbeText("COWD"sv), "vmdk"sv);
  CHECK_EQ(ProbeText("# Disk DescriptorFile\nversion=1\n"sv), "vmdk"sv);
  CHECK_EQ(ProbeText("\x7f\x10\xda\xbe"sv, 64), "vdi"sv);
  CHECK_EQ(ProbeText("vhdxfile"sv), "vhdx"sv);
  CHECK_EQ(ProbeText("conectix"sv), "vpc"sv);
  CHECK_EQ(ProbeText("LUKS\xba\xbe"sv), "luks"sv);
  CHECK_EQ(ProbeText("QED\0"sv), "qed"sv);
  CHECK_EQ(ProbeText("WithoutFreeSpace"sv), "parallels"sv);
  CHECK_EQ(ProbeText("WithouFreSpacExt"sv), "parallels"sv);
  CHECK_EQ(ProbeText("Bochs Virtual HD Image"sv), "bochs"sv);
  CHECK_EQ(ProbeText("#!/bin/sh\n#V2.0 Format\n"sv), "cloop"sv);
}

TEST(AnythingElseIsRaw) {
  CHECK_EQ(ProbeText(""sv), "raw"sv);
  CHECK_EQ(ProbeText("#!/bin/sh\necho"sv), "raw"sv);
  CHECK_EQ(ProbeText("KDMV"sv, 1), "raw"sv);
  CHECK_EQ(ProbeFormat({}), "raw"sv);
}

TEST(AShortFileIsNotReadPastItsEnd) {
  CHECK_EQ(ProbeText("KDM"sv, 0, 3), "raw"sv);
  CHECK_EQ(ProbeText("\x7f\x10\xda"sv, 64, 67), "raw"sv);
}

TEST(SomeFormatsAreKnownByTheirEnd) {
  std::vector<std::byte> tail(kProbeTailBytes);
  CHECK_EQ(ProbeTail(tail), "raw"sv);
  std::memcpy(tail.data(), "koly", 4);
  CHECK_EQ(ProbeTail(tail), "dmg"sv);
  std::memcpy(tail.data(), "conectix", 8);
  CHECK_EQ(ProbeTail(tail), "vpc"sv);
}

}  // namespace fusebay::test
