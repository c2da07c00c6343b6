// Reading whole tables with a message, and data that may lie past the end of a node.
#include "qcow2/qcow2_io.h"

#include <fmt/format.h>

#include <cstring>

namespace fusebay::qcow2 {

namespace {

Task<Result<>> ReadTheFirst(const BlockRef& ref, std::uint64_t offset, std::size_t there,
                            IoVec dst) {
  const Result<> read = co_await ref.Read(offset, dst.First(there));
  dst.From(there).Fill(std::byte{0});
  co_return read;
}

}  // namespace

Task<Result<Unit, Error>> ReadTable(const BlockRef& file, std::uint64_t offset, MutableByteSpan dst,
                                    TableName name) {
  if (dst.empty()) {
    co_return Unit{};
  }
  const iovec iov{dst.data(), dst.size()};
  const Result<> read = co_await file.Read(offset, IoVec::Of(iov));
  if (!read.ok()) {
    co_return Error{read.error(), fmt::format("{}: cannot read {}: {}", name.filename, name.what,
                                              std::strerror(read.error().value()))};
  }
  co_return Unit{};
}

Task<Result<>> ReadOrZero(const BlockRef& ref, std::uint64_t offset, IoVec dst) {
  const std::uint64_t size = ref ? ref.size() : 0;
  if (offset >= size) {
    dst.Fill(std::byte{0});
    return Ok();
  }
  if (dst.size <= size - offset) {
    return ref.Read(offset, dst);
  }
  return ReadTheFirst(ref, offset, size - offset, dst);
}

}  // namespace fusebay::qcow2
