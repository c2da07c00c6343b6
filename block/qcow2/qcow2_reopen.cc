// Qcow2Node: changes of an open node: read-only or not, caches, children, the name of the backing
// file. What may fail comes first; then the old writer and map give way to the new ones.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "qcow2/qcow2_chain.h"
#include "qcow2/qcow2_check.h"
#include "qcow2/qcow2_header_write.h"
#include "qcow2/qcow2_io.h"
#include "qcow2/qcow2_node.h"
#include "qcow2/qcow2_open.h"

namespace fusebay::qcow2 {

namespace {

const Qcow2Options& OwnOf(const BlockdevOptions& options) {
  return std::get<Qcow2Options>(options.driver_options);
}

}  // namespace

Result<Unit, Error> CheckMayWrite(const Image& image, const std::string& snapshot) {
  std::string reason;
  if (image.file.node().read_only()) {
    reason = fmt::format("its file (node '{}') is read-only", image.file.node().node_name());
  } else if (!snapshot.empty()) {
    reason = "a snapshot cannot be written";
  } else if (image.header.corrupt()) {
    reason = "the image is marked as corrupt; repair it with fusebay img check -r all";
  } else {
    return Unit{};
  }
  return Error{Errno{EROFS}, fmt::format("{}: cannot be written: {}", image.filename, reason)};
}

BlockRef* Qcow2Node::child(ChildRole role) {
  switch (role) {
    case ChildRole::kFile:
      return &image_.file;
    case ChildRole::kBacking:
      return &image_.backing;
    case ChildRole::kDataFile:
      return &image_.data_file;
    case ChildRole::kRoot:
      break;
  }
  return nullptr;
}

std::string_view Qcow2Node::FixedOption(const BlockdevOptions& now,
                                        const BlockdevOptions& wanted) const {
  const std::string& data_file = OwnOf(wanted).data_file.node_name;
  if (!data_file.empty() &&
      (!image_.data_file || image_.data_file.node().node_name() != data_file)) {
    return "data-file";
  }
  return OwnOf(now).snapshot != OwnOf(wanted).snapshot ? "snapshot" : "";
}

Task<Result<Unit, Error>> Qcow2Node::Reopen(const BlockdevOptions&, const BlockdevOptions& wanted) {
  CO_ASSIGN(const CacheSizes caches, DecideCacheSizes(OwnOf(wanted).caches, image_.header,
                                                      image_.virtual_size, image_.filename));
  const CacheSizes old_caches = std::exchange(image_.caches, caches);
  const bool was_read_only = read_only();
  // As when it is opened: one that cannot be written stays read-only, if that may be.
  const bool becomes_read_only =
      wanted.read_only || (was_read_only && wanted.auto_read_only &&
                           !CheckMayWrite(image_, OwnOf(wanted).snapshot).ok());
  Result<Unit, Error> done = Unit{};
  if (was_read_only && !becomes_read_only) {
    done = co_await BeginWriting(OwnOf(wanted).snapshot);
  } else if (was_read_only != becomes_read_only || caches != old_caches) {
    set_read_only(becomes_read_only);
    done = co_await RebuildCaches();
    if (!done.ok()) {
      set_read_only(was_read_only);
    }
  }
  if (!done.ok()) {
    image_.caches = old_caches;
    co_return done;
  }
  can_compress_ = !read_only() && !image_.data_file;
  if (caches.clean_interval_seconds != old_caches.clean_interval_seconds) {
    co_await StopCleaning();
    StartCleaning();
  }
  co_return done;
}

// Of an image that has been read only. Its tables in memory are as they are on the disk, unless it
// has to be repaired first.
Task<Result<Unit, Error>> Qcow2Node::BeginWriting(const std::string& snapshot) {
  CO_TRY(CheckMayWrite(image_, snapshot));
  CO_TRY(image_.file.SetPermissions(kWriteAlone));
  Result<Unit, Error> done = Unit{};
  if (image_.data_file) {
    done = image_.data_file.SetPermissions(kWriteAlone);
  }
  std::vector<std::uint64_t> l1 = map_->CopyL1();
  if (done.ok() && image_.header.dirty()) {
    done = co_await RepairDirty(image_.file, image_.header, image_.filename);
    if (done.ok()) {
      auto read =
          co_await ReadEntries(image_.file, image_.header.l1_offset, image_.header.l1_entries,
                               TableName{image_.filename, "the L1 table"});
      done = read.ok() ? Result<Unit, Error>(Unit{}) : read.error();
      l1 = read.ok() ? std::move(*read) : std::move(l1);
    }
  }
  std::unique_ptr<ClusterMap> map = NewMap(std::move(l1));
  if (done.ok()) {
    auto writer = co_await Writer::Create(image_, *map, *this);
    if (writer.ok()) {
      map_ = std::move(map);
      writer_ = std::move(*writer);
      set_read_only(false);
      co_return Unit{};
    }
    done = writer.error();
  }
  FB_ASSERT(image_.file.SetPermissions(kReadStable).ok());
  FB_ASSERT(!image_.data_file || image_.data_file.SetPermissions(kReadStable).ok());
  co_return done;
}

// With the cache sizes of image_; with a writer unless the node is read-only.
Task<Result<Unit, Error>> Qcow2Node::RebuildCaches() {
  if (writer_ != nullptr) {
    const Result<> settled = co_await writer_->Settle();
    if (!settled.ok()) {
      co_return Error{settled.error(), fmt::format("{}: could not be flushed: {}", image_.filename,
                                                   std::strerror(settled.error().value()))};
    }
  }
  std::unique_ptr<ClusterMap> map = NewMap(map_->CopyL1());
  std::unique_ptr<Writer> writer;
  if (!read_only()) {
    CO_ASSIGN(writer, co_await Writer::Create(image_, *map, *this));
  }
  map_->SetRoomMaker(nullptr);
  writer_ = std::move(writer);
  map_ = std::move(map);
  if (read_only()) {
    FB_ASSERT(image_.file.SetPermissions(kReadStable).ok());  // less than before
    FB_ASSERT(!image_.data_file || image_.data_file.SetPermissions(kReadStable).ok());
  }
  co_return Unit{};
}

// All of the header cluster is written. Only its first sector matters if that is cut short, and of
// that only the place of the backing name changes.
Task<Result<>> Qcow2Node::RenameBacking(const std::string& name, const std::string& format) {
  if (name.size() > kMaxBackingName) {
    co_return Errno{EINVAL};
  }
  Header header = image_.header;
  header.backing_name = name;
  header.backing_format = format;
  Result<std::vector<std::byte>, Error> bytes = EncodeHeader(header);
  if (!bytes.ok()) {
    co_return bytes.error().code;
  }
  const iovec iov{bytes->data(), bytes->size()};
  const Result<> written = co_await image_.file.Write(0, IoVec::Of(iov), {});
  CO_TRY(written);
  const Result<> flushed = co_await image_.file.Flush(FlushMode::kDisk);
  CO_TRY(flushed);
  image_.header.backing_name = name;
  image_.header.backing_format = format;
  co_return Ok();
}

}  // namespace fusebay::qcow2
