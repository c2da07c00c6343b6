// Writes a new qcow2 image: tables, data, and when they are on the disk, the header.
#include "qcow2/qcow2_create.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/aio_context.h"
#include "qcow2/qcow2_create_layout.h"
#include "qcow2/qcow2_header_write.h"

namespace fusebay {

namespace qcow2 {

namespace {

constexpr std::uint64_t kChunkBytes = 1 * kMiB;

// "Could not X: reason".
Result<Unit, Error> Named(const Result<>& done, std::string_view what) {
  if (done.ok()) {
    return Unit{};
  }
  return Error{done.error(),
               fmt::format("Could not {}: {}", what, std::strerror(done.error().value()))};
}

// What held an image before is none any more. A device keeps its size, so its header must go.
Task<Result<Unit, Error>> Empty(const BlockRef& file, std::uint64_t cluster_size) {
  if (file.size() == 0) {
    co_return Unit{};
  }
  const Result<> cut = co_await file.Truncate(0, Prealloc::kOff);
  if (cut.ok()) {
    co_return Unit{};
  }
  if (cut.error() != Errno{ENOTSUP}) {
    co_return Named(cut, "empty the file");
  }
  const std::uint64_t head = std::min(file.size(), cluster_size);
  const Result<> wiped = co_await file.WriteZeroes(0, head, {});
  CO_TRY(Named(wiped, "overwrite the old header"));
  const Result<> flushed = co_await file.Flush(FlushMode::kDisk);
  co_return Named(flushed, "overwrite the old header");
}

// A device may be larger.
Task<Result<Unit, Error>> Grow(const BlockRef& file, std::uint64_t size, Prealloc prealloc) {
  if (size <= file.size()) {
    co_return Unit{};
  }
  const bool by_file = prealloc == Prealloc::kFalloc || prealloc == Prealloc::kFull;
  const Result<> grown = co_await file.Truncate(size, by_file ? prealloc : Prealloc::kOff);
  co_return Named(grown, fmt::format("{} {} bytes", by_file ? "preallocate" : "grow to", size));
}

Task<Result<Unit, Error>> WriteTables(const BlockRef& file, const CreateLayout& layout) {
  const std::uint64_t cluster_size = layout.cluster_size();
  const std::uint64_t per_chunk = std::max<std::uint64_t>(kChunkBytes / cluster_size, 1);
  const Buffer buffer = AioContext::Current().buffers().Get(per_chunk * cluster_size);
  for (std::uint64_t first = 1; first < layout.first_data(); first += per_chunk) {
    const std::uint64_t count = std::min(per_chunk, layout.first_data() - first);
    for (std::uint64_t i = 0; i < count; ++i) {
      FillTableCluster(layout, first + i, {buffer.data() + i * cluster_size, cluster_size});
    }
    const Result<> written =
        co_await file.Write(first * cluster_size, buffer.vec().First(count * cluster_size), {});
    CO_TRY(Named(written, "write the tables"));
  }
  co_return Unit{};
}

// The disk's clusters: in the image's file behind the tables, or in a file of their own.
Task<Result<Unit, Error>> MakeData(const BlockRef& file, const BlockRef& data_file,
                                   const CreateLayout& layout, const Qcow2CreateOptions& options) {
  if (layout.data_in_file) {
    const auto grown =
        co_await Grow(file, layout.file_clusters() << layout.cluster_bits, options.preallocation);
    co_return grown;
  }
  CO_TRY(co_await Empty(data_file, options.size));
  CO_TRY(co_await Grow(data_file, options.size, options.preallocation));
  const Result<> flushed = co_await data_file.Flush(FlushMode::kDisk);
  co_return Named(flushed, "flush the data file");
}

Task<Result<Unit, Error>> WriteHeader(const BlockRef& file, const Header& header) {
  CO_ASSIGN(std::vector<std::byte> bytes, EncodeHeader(header));
  const iovec iov{bytes.data(), bytes.size()};
  const Result<> written = co_await file.Write(0, IoVec::Of(iov), {});
  CO_TRY(Named(written, "write the header"));
  const Result<> flushed = co_await file.Flush(FlushMode::kDisk);
  co_return Named(flushed, "flush the header");
}

Task<Result<Unit, Error>> Build(const BlockRef& file, const BlockRef& data_file,
                                const Qcow2CreateOptions& options, const CreateLayout& layout) {
  Header header = NewHeader(options);
  header.refcount_table_offset = std::uint64_t{1} << layout.cluster_bits;
  header.refcount_table_clusters = static_cast<std::uint32_t>(layout.table_clusters);
  header.l1_entries = static_cast<std::uint32_t>(layout.l1_entries);
  header.l1_offset = layout.l1_entries != 0 ? layout.first_l1() << layout.cluster_bits : 0;

  CO_TRY(co_await Empty(file, layout.cluster_size()));
  CO_TRY(co_await Grow(file, layout.first_data() << layout.cluster_bits, Prealloc::kOff));
  CO_TRY(co_await WriteTables(file, layout));
  CO_TRY(co_await MakeData(file, data_file, layout, options));
  const Result<> flushed = co_await file.Flush(FlushMode::kDisk);
  CO_TRY(Named(flushed, "flush the tables"));
  const Result<Unit, Error> written = co_await WriteHeader(file, header);
  co_return written;
}

}  // namespace

}  // namespace qcow2

Task<Result<Unit, Error>> CreateQcow2(const BlockRef& file, const BlockRef& data_file,
                                      const Qcow2CreateOptions& options) {
  CO_TRY(CheckQcow2CreateOptions(options));
  FB_ASSERT(static_cast<bool>(data_file) == !options.data_file.empty());
  CO_ASSIGN(const qcow2::CreateLayout layout,
            qcow2::PlanImage(qcow2::NewHeader(options), qcow2::AllocatesAll(options)));
  const Result<Unit, Error> built = co_await qcow2::Build(file, data_file, options, layout);
  if (!built.ok()) {
    const Result<Unit, Error> emptied = co_await qcow2::Empty(file, layout.cluster_size());
    static_cast<void>(emptied.ok());  // the first error is the one to report
  }
  co_return built;
}

}  // namespace fusebay
