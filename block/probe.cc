// Which format an image has, by its content.
#include <array>
#include <cstring>

#include "block/block_driver.h"
#include "block/open_image.h"
#include "probe.h"

namespace fusebay {

namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view bytes;
  std::size_t offset;
  std::string_view format;
};

// docs/drivers/raw.md says where each comes from.
constexpr std::array kHeadSignatures{
    Signature{"QFI\xfb\0\0\0\1"sv, 0, "qcow"},
    Signature{"KDMV"sv, 0, "vmdk"},
    Signature{"COWD"sv, 0, "vmdk"},
    Signature{"# Disk DescriptorFile"sv, 0, "vmdk"},
    Signature{"\x7f\x10\xda\xbe"sv, 64, "vdi"},
    Signature{"vhdxfile"sv, 0, "vhdx"},
    Signature{"conectix"sv, 0, "vpc"},
    Signature{"LUKS\xba\xbe"sv, 0, "luks"},
    Signature{"QED\0"sv, 0, "qed"},
    Signature{"WithoutFreeSpace"sv, 0, "parallels"},
    Signature{"WithouFreSpacExt"sv, 0, "parallels"},
    Signature{"Bochs Virtual HD Image"sv, 0, "bochs"},
    Signature{"#!/bin/sh\n#V2.0 Format\n"sv, 0, "cloop"},
};

constexpr std::array kTailSignatures{
    Signature{"conectix"sv, 0, "vpc"},
    Signature{"koly"sv, 0, "dmg"},
};

bool Matches(ByteSpan bytes, const Signature& signature) {
  return bytes.size() >= signature.offset + signature.bytes.size() &&
         std::memcmp(bytes.data() + signature.offset, signature.bytes.data(),
                     signature.bytes.size()) == 0;
}

}  // namespace

std::string_view ProbeFormat(ByteSpan head) {
  const BlockDriver* best = nullptr;
  int best_score = 0;
  for (const BlockDriver* const driver : BlockDrivers()) {
    const int score = driver->probe == nullptr ? 0 : driver->probe(head);
    if (score > best_score) {
      best = driver;
      best_score = score;
    }
  }
  if (best != nullptr) {
    return best->name;
  }
  for (const Signature& signature : kHeadSignatures) {
    if (Matches(head, signature)) {
      return signature.format;
    }
  }
  return "raw";
}

std::string_view ProbeTail(ByteSpan tail) {
  for (const Signature& signature : kTailSignatures) {
    if (Matches(tail, signature)) {
      return signature.format;
    }
  }
  return "raw";
}

}  // namespace fusebay
