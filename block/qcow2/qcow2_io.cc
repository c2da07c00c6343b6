// Reading whole tables with a message, and data that may lie past the end of a node.
#include "qcow2/qcow2_io.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace fusebay::qcow2 {

namespace {

constexpr std::size_t kMaxJoinedSlices = 64;

Task<Result<>> ReadTheFirst(const BlockRef& ref, std::uint64_t offset, std::size_t there,
                            IoVec dst) {
  const Result<> read = co_await ref.Read(offset, dst.First(there));
  dst.From(there).Fill(std::byte{0});
  co_return read;
}

Error CannotRead(TableName name, Errno cause) {
  return Error{cause, fmt::format("{}: cannot read {}: {}", name.filename, name.what,
                                  std::strerror(cause.value()))};
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
    co_return CannotRead(name, read.error());
  }
  co_return Unit{};
}

Task<Result<std::vector<std::uint64_t>, Error>> ReadEntries(const BlockRef& file,
                                                            std::uint64_t offset, std::size_t count,
                                                            TableName name) {
  std::vector<std::uint64_t> entries(count);
  const iovec iov{entries.data(), count * sizeof(std::uint64_t)};
  const Result<> read = co_await ReadOrZero(file, offset, IoVec::Of(iov));
  if (!read.ok()) {
    co_return CannotRead(name, read.error());
  }
  for (std::uint64_t& entry : entries) {
    entry = LoadBe<std::uint64_t>(&entry);
  }
  co_return std::move(entries);
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

Task<Result<>> WriteSlices(const BlockRef& file, const std::vector<TableCache::Copy>& slices) {
  std::array<iovec, kMaxJoinedSlices> pieces;
  std::size_t next = 0;
  while (next < slices.size()) {
    const std::uint64_t offset = slices[next].key;
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (count < pieces.size() && next < slices.size() && slices[next].key == offset + bytes) {
      const std::vector<std::byte>& slice = slices[next].bytes;
      pieces[count] = {const_cast<std::byte*>(slice.data()), slice.size()};
      bytes += slice.size();
      ++count;
      ++next;
    }
    const IoVec all{{pieces.data(), count}, 0, bytes};
    const Result<> written = co_await file.Write(offset, all, {});
    CO_TRY(written);
  }
  co_return Ok();
}

}  // namespace fusebay::qcow2
