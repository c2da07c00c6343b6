// The qcow2 driver: checks the options, opens an image piece by piece, makes the node.
#include "qcow2/qcow2_driver.h"

#include <fmt/format.h>

#include "qcow2/cache_sizes.h"
#include "qcow2/qcow2_bitmap.h"
#include "qcow2/qcow2_chain.h"
#include "qcow2/qcow2_check.h"
#include "qcow2/qcow2_io.h"
#include "qcow2/qcow2_node.h"
#include "qcow2/qcow2_open.h"
#include "qcow2/qcow2_sparse.h"
#include "qcow2/read_header.h"

namespace fusebay {

namespace qcow2 {

namespace {

// What messages call the image: its file's name where it has one; and where that is.
Task<Unit> LearnName(Image& image) {
  const BlockNode& file = image.file.node();
  Result<ImageInfo, Error> info = co_await image.file.node().Info();
  if (info.ok()) {
    image.filename = std::move(info->filename);
    image.path = std::move(info->path);
  }
  if (image.filename.empty()) {
    image.filename = file.node_name();
  }
  co_return Unit{};
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
  CO_ASSIGN(image.l1, co_await ReadEntries(image.file, place.offset, place.entries,
                                           TableName{image.filename, "the L1 table"}));
  co_return Unit{};
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

// Whether the image is opened read-only. One that cannot be written safely is, if that may be.
Result<bool, Error> DecideReadOnly(const BlockdevOptions& options, const Image& image) {
  if (options.read_only) {
    return true;
  }
  const auto& own = std::get<Qcow2Options>(options.driver_options);
  const Result<Unit, Error> writable = CheckMayWrite(image, own.snapshot);
  if (writable.ok() || options.auto_read_only) {
    return !writable.ok();
  }
  return writable.error();
}

Task<NodeResult> Open(const BlockdevOptions& options, OpenContext& context) {
  CO_TRY(CheckOptions(options));
  const auto& own = std::get<Qcow2Options>(options.driver_options);
  Image image;
  image.reporter = std::make_unique<CorruptionReporter>(context.graph, context.node_name);
  // Who means to write asks for it at once, and is told of a conflict as a writer is.
  const bool to_write = !options.read_only && !options.auto_read_only;
  CO_ASSIGN(image.file, co_await context.OpenChild(own.file, ChildRole::kFile,
                                                   to_write ? kWriteAlone : kReadStable));
  co_await LearnName(image);
  CO_ASSIGN(image.header, co_await ReadHeader(image.file, image.filename));
  CO_ASSIGN(const bool read_only, DecideReadOnly(options, image));
  if (!read_only) {
    CO_TRY(image.file.SetPermissions(kWriteAlone));
    if (image.header.dirty()) {
      CO_TRY(co_await RepairDirty(image.file, image.header, image.filename));
    }
  }
  CO_TRY(co_await ReadTables(own.snapshot, image));
  CO_ASSIGN(image.caches,
            DecideCacheSizes(own.caches, image.header, image.virtual_size, image.filename));
  CO_TRY(co_await OpenDataFile(options, context, image));
  CO_TRY(co_await OpenBacking(options, context, image));
  image.is_sparse = co_await IsSparse(image);
  if (!read_only && image.data_file) {
    CO_TRY(image.data_file.SetPermissions(kWriteAlone));
  }
  auto node = std::make_unique<Qcow2Node>(context.node_name, read_only, std::move(image));
  if (!read_only) {
    const Result<Unit, Error> prepared = co_await node->PrepareToWrite();
    if (!prepared.ok()) {
      const Result<> closed = co_await node->Close();
      static_cast<void>(closed);  // nothing has been written
      co_return prepared.error();
    }
  }
  node->StartCleaning();
  std::unique_ptr<BlockNode> opened = std::move(node);
  co_return std::move(opened);
}

}  // namespace

}  // namespace qcow2

constinit const BlockDriver kQcow2Driver{
    .name = "qcow2", .probe = &qcow2::ProbeHeader, .open = &qcow2::Open};

}  // namespace fusebay
