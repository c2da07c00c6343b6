// Turns the words of a filesystem (fuse/types.h) into the structures of the wire.
#pragma once
#include <cstddef>

#include "fuse/abi.h"
#include "fuse/types.h"

namespace fusebay::fuse {

abi::Attr EncodeAttr(const Attr& attr);
abi::AttrOut EncodeAttrOut(const Attr& attr);
// A negative entry carries only how long it may be kept.
abi::EntryOut EncodeEntry(const Entry& entry);
abi::StatxOut EncodeStatx(const Attr& attr);
abi::OpenOut EncodeOpened(const Opened& opened);

// What a client of protocol 7.`minor` reads of these.
constexpr std::size_t AttrOutSize(std::uint32_t minor) {
  return minor < 9 ? abi::kAttrOutCompatBytes : sizeof(abi::AttrOut);
}
constexpr std::size_t EntryOutSize(std::uint32_t minor) {
  return minor < 9 ? abi::kEntryOutCompatBytes : sizeof(abi::EntryOut);
}
constexpr std::size_t StatFsOutSize(std::uint32_t minor) {
  return minor < 4 ? abi::kStatFsOutCompatBytes : sizeof(abi::StatFsOut);
}
constexpr std::size_t InitOutSize(std::uint32_t minor) {
  if (minor < 5) {
    return abi::kInitOutVersionBytes;
  }
  return minor < 23 ? abi::kInitOutShortBytes : sizeof(abi::InitOut);
}

}  // namespace fusebay::fuse
