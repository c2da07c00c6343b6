// The tests' words for requests and replies on the wire.
//
//   Message(Opcode::kRename, 1).Args(RenameIn{2}).Name("a").Name("b")
#pragma once
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "check.h"
#include "fuse/abi.h"

namespace fusebay::fuse::test {

class Message {
 public:
  explicit Message(abi::Opcode opcode, std::uint64_t node = 1)
      : Message(static_cast<std::uint32_t>(opcode), node) {}
  explicit Message(std::uint32_t opcode, std::uint64_t node = 1) {
    header.opcode = opcode;
    header.nodeid = node;
    header.uid = 10;
    header.gid = 20;
    header.pid = 30;
  }
  template <class T>
  Message&& Args(const T& args, std::size_t size = sizeof(T)) && {
    body.append(reinterpret_cast<const char*>(&args), size);
    return std::move(*this);
  }
  Message&& Name(std::string_view name) && {
    body.append(name);
    body.push_back('\0');
    return std::move(*this);
  }
  // Bytes that are neither name nor bulk data.
  Message&& Raw(std::string_view bytes) && {
    body.append(bytes);
    return std::move(*this);
  }
  // Bulk data, apart from the head.
  Message&& Data(std::string_view bytes) && {
    data.append(bytes);
    return std::move(*this);
  }
  Message&& Unique(std::uint64_t unique) && {
    header.unique = unique;
    return std::move(*this);
  }
  Message&& Extension(std::string_view eight_bytes) && {
    body.append(eight_bytes);
    header.total_extlen = static_cast<std::uint16_t>(header.total_extlen + 1);
    return std::move(*this);
  }
  // The length in the header is wrong by this.
  Message&& LengthOffBy(int bytes) && {
    length_error = bytes;
    return std::move(*this);
  }
  // Only the first `size` bytes after the header.
  Message&& CutTo(std::size_t size) && {
    body.resize(size);
    return std::move(*this);
  }
  std::string Head() const {
    abi::InHeader sent = header;
    sent.length = static_cast<std::uint32_t>(sizeof sent + body.size() + data.size()) +
                  static_cast<std::uint32_t>(length_error);
    std::string head(reinterpret_cast<const char*>(&sent), sizeof sent);
    return head + body;
  }

  abi::InHeader header{};
  std::string body;
  std::string data;
  int length_error = 0;
};

struct Reply {
  bool came = false;
  std::int32_t error = 0;
  std::string bytes;

  // The bytes as a T that fills them exactly.
  template <class T>
  T As() const {
    CHECK(came);
    CHECK_EQ(error, 0);
    CHECK_EQ(bytes.size(), sizeof(T));
    return Prefix<T>();
  }
  // The first bytes as a T; what is missing is zero.
  template <class T>
  T Prefix(std::size_t from = 0) const {
    T value{};
    CHECK(from <= bytes.size());
    std::memcpy(&value, bytes.data() + from, std::min(sizeof(T), bytes.size() - from));
    return value;
  }
};

}  // namespace fusebay::fuse::test
