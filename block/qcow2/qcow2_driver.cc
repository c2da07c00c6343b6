// The qcow2 driver: checks the options, opens an image piece by piece, makes the node.
#include "qcow2/qcow2_driver.h"

#include <fmt/format.h>

#include <algorithm>

#include "qcow2/qcow2_bitmap.h"
#include "qcow2/qcow2_chain.h"
#include "qcow2/qcow2_io.h"
#include "qcow2/qcow2_node.h"

namespace fusebay {

namespace qcow2 {

namespace {

constexpr std::size_t kFirstReadBytes = 4096;

// What messages call the image: its file's name where it has one.
Task<std::string> NameOf(const BlockRef& file) {
  const Result<ImageInfo, Error> info = co_await file.node().Info();
  co_return info.ok() && !info->filename.empty() ? info->filename : file.node().node_name();
}

Task<Result<Header, Error>> ReadHeader(const BlockRef& file, const std::string& filename) {
  const TableName name{filename, "the qcow2 header"};
  std::vector<std::byte> bytes(std::min<std::uint64_t>(file.size(), kFirstReadBytes));
  CO_TRY(co_await ReadTable(file, 0, bytes, name));
  const std::size_t wanted = std::min<std::uint64_t>(file.size(), HeaderBytes(bytes));
  if (wanted > bytes.size()) {
    bytes.resize(wanted);
    CO_TRY(co_await ReadTable(file, 0, bytes, name));
  }
  co_return ParseHeader(bytes, file.size(), filename);
}

// The image's own L1 table, or that of the snapshot that was asked for.
Result<L1Place, Error> ChooseL1(const Image& image, const std::string& snapshot) {
  const Header& header = image.header;
  if (snapshot.empty()) {
    return L1Place{header.l1_offset, header.l1_entries, header.size};
  }
  const Snapshot* const found = FindSnapshot(image.snapshots, snapshot);
  if (found == nullptr) {
    return Error{Errno{ENOENT},
                 fmt::format("{}: there is no snapshot '{}'", image.filename, snapshot)};
  }
  const L1Place place{found->l1_offset, found->l1_entries, found->info.virtual_size};
  FB_TRY(CheckL1(header, place, image.file.size(), image.filename,
                 fmt::format("L1 table of snapshot '{}'", snapshot)));
  return place;
}

Task<Result<Unit, Error>> ReadTables(const std::string& snapshot, Image& image) {
  CO_ASSIGN(image.snapshots, co_await ReadSnapshots(image.file, image.header, image.filename));
  CO_ASSIGN(image.bitmaps, co_await ReadBitmaps(image.file, image.header, image.filename));
  CO_ASSIGN(const L1Place place, ChooseL1(image, snapshot));
  image.virtual_size = place.virtual_size;
  image.l1.resize(place.entries);
  CO_TRY(co_await ReadTable(image.file, place.offset, std::as_writable_bytes(std::span(image.l1)),
                            TableName{image.filename, "the L1 table"}));
  for (std::uint64_t& entry : image.l1) {
    entry = LoadBe<std::uint64_t>(&entry);
  }
  co_return Unit{};
}

// QEMU's rule, so that both see the same holes, with every cluster of the file taken for used.
Task<bool> IsSparse(const Image& image) {
  const Result<std::uint64_t> allocated = co_await image.file.node().AllocatedSize();
  if (!allocated.ok()) {
    co_return false;
  }
  const std::uint64_t cluster = image.header.cluster_size();
  const std::uint64_t backed = *allocated / cluster;
  const std::uint64_t used = image.file.size() / cluster + (image.file.size() % cluster != 0);
  co_return used >= std::max(backed * 10 / 9, backed + 2);
}

Result<Unit, Error> CheckOptions(const BlockdevOptions& options) {
  const auto* const own = std::get_if<Qcow2Options>(&options.driver_options);
  if (own == nullptr || own->file.empty()) {
    return Error{Errno{EINVAL}, "qcow2: 'file' is missing"};
  }
  if (own->no_backing && !own->backing.empty()) {
    return Error{Errno{EINVAL}, "qcow2: 'backing' is both a node and null"};
  }
  return Unit{};
}

Task<NodeResult> Open(const BlockdevOptions& options, OpenContext& context) {
  CO_TRY(CheckOptions(options));
  const auto& own = std::get<Qcow2Options>(options.driver_options);
  Image image;
  CO_ASSIGN(image.file, co_await context.OpenChild(own.file, kReadStable));
  image.filename = co_await NameOf(image.file);
  if (!options.read_only && !options.auto_read_only) {
    co_return Error{Errno{EROFS},
                    fmt::format("{}: qcow2 images are opened read-only", image.filename)};
  }
  CO_ASSIGN(image.header, co_await ReadHeader(image.file, image.filename));
  image.l2_cache_bytes = own.l2_cache_size;
  CO_TRY(co_await ReadTables(own.snapshot, image));
  CO_TRY(co_await OpenDataFile(options, context, image));
  CO_TRY(co_await OpenBacking(options, context, image));
  image.is_sparse = co_await IsSparse(image);
  std::unique_ptr<BlockNode> node =
      std::make_unique<Qcow2Node>(context.node_name, std::move(image));
  co_return std::move(node);
}

}  // namespace

}  // namespace qcow2

constinit const BlockDriver kQcow2Driver{
    .name = "qcow2", .probe = &qcow2::ProbeHeader, .open = &qcow2::Open};

}  // namespace fusebay
