// Reads the first cluster, whose size is not known before its beginning has been read.
#include "qcow2/read_header.h"

#include <algorithm>

#include "qcow2/qcow2_io.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::size_t kFirstReadBytes = 4096;

}  // namespace

Task<Result<Header, Error>> ReadHeader(const BlockRef& file, std::string_view filename,
                                       HeaderUse use) {
  const TableName name{filename, "the qcow2 header"};
  std::vector<std::byte> bytes(std::min<std::uint64_t>(file.size(), kFirstReadBytes));
  CO_TRY(co_await ReadTable(file, 0, bytes, name));
  const std::size_t wanted = std::min<std::uint64_t>(file.size(), HeaderBytes(bytes));
  if (wanted > bytes.size()) {
    bytes.resize(wanted);
    CO_TRY(co_await ReadTable(file, 0, bytes, name));
  }
  co_return ParseHeader(bytes, file.size(), filename, use);
}

}  // namespace fusebay::qcow2
