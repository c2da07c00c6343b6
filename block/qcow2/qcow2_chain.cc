// Opens what a qcow2 image refers to: backing image and data file.
#include "qcow2/qcow2_chain.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/fd.h"
#include "block/block_graph.h"
#include "block/open_image.h"
#include "core/aio_context.h"
#include "core/log.h"
#include "qcow2/qcow2_backing.h"

namespace fusebay::qcow2 {

namespace {

constexpr std::size_t kProbeBytes = 4096;

// What a path leads to. Looked at on a worker thread: it may be on a slow file system.
struct FileLook {
  bool exists = false;
  bool is_device = false;
  std::string identity;         // "device:inode"
  std::vector<std::byte> head;  // its first bytes, if asked for
};

Result<> LookAt(const std::string& path, bool read_head, FileLook& look) {
  struct statx file{};
  if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &file) != 0) {
    return Errno{errno};
  }
  look.exists = true;
  look.is_device = S_ISBLK(file.stx_mode) || S_ISCHR(file.stx_mode);
  look.identity = fmt::format("{}:{}:{}", file.stx_dev_major, file.stx_dev_minor, file.stx_ino);
  if (!read_head) {
    return Ok();
  }
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return Errno{errno};
  }
  look.head.resize(kProbeBytes);
  const ssize_t n = ::pread(fd.get(), look.head.data(), look.head.size(), 0);
  if (n < 0) {
    return Errno{errno};
  }
  look.head.resize(static_cast<std::size_t>(n));
  return Ok();
}

// What is not there, and anything else that is wrong, opening the file will say better.
Task<FileLook> Look(const std::string& path, bool read_head) {
  FileLook look;
  if (path.empty()) {
    co_return look;
  }
  const Result<> looked =
      co_await AioContext::Current().RunBlocking([&] { return LookAt(path, read_head, look); });
  static_cast<void>(looked.ok());
  co_return look;
}

// How the image's own file was opened is how the files it names are opened.
void Inherit(const BlockdevOptions& options, BlockdevOptions& file_node) {
  file_node.cache = options.cache;
  const auto* const qcow2 = std::get_if<Qcow2Options>(&options.driver_options);
  FB_ASSERT(qcow2 != nullptr);
  const FileOptions* own = &qcow2->named_files;
  if (qcow2->file.definition != nullptr) {
    own = std::get_if<FileOptions>(&qcow2->file.definition->driver_options);
  }
  auto* const other = std::get_if<FileOptions>(&file_node.driver_options);
  if (own == nullptr || other == nullptr) {
    return;
  }
  other->aio = own->aio;
  other->locking = own->locking;
  if (qcow2->file.definition != nullptr) {
    file_node.cache = qcow2->file.definition->cache;
  }
}

BlockdevRef& FileOf(BlockdevOptions& options) {
  auto* const qcow2 = std::get_if<Qcow2Options>(&options.driver_options);
  return qcow2 != nullptr ? qcow2->file : std::get<RawOptions>(options.driver_options).file;
}

Error NameBoth(const Image& image, std::string_view what, std::string_view name,
               const Error& cause) {
  return Error{cause.code, fmt::format("{}: cannot open {} '{}': {}", image.filename, what, name,
                                       cause.message)};
}

// Decides the format of a backing file that the image does not tell the format of.
Result<BlockdevOptions, Error> Probed(const Image& image, BlockdevOptions options,
                                      const FileLook& look) {
  const std::string_view format = ProbeFormat(look.head);
  if (format != "raw" && format != "qcow2") {
    return Error{Errno{ENOTSUP}, fmt::format("its content is of format '{}'", format)};
  }
  LogWarning(
      fmt::format("{}: backing file format not given, '{}' probed as {}; name it with "
                  "qemu-img rebase -u -F {} -b '{}' '{}'",
                  image.filename, image.header.backing_name, format, format,
                  image.header.backing_name, image.filename));
  BlockdevOptions decided = FormatOn(format, std::move(FileOf(options)));
  decided.cache = options.cache;
  if (format == "raw") {
    std::get<RawOptions>(decided.driver_options).probed = true;
  }
  return decided;
}

// The identity of the image's own file joins those above it. A file that is there already is its
// own backing file.
Task<Result<std::vector<std::string>, Error>> ChainWith(const Qcow2Options& options,
                                                        const Image& image) {
  std::vector<std::string> chain = options.opened_above;
  const FileLook own = co_await Look(image.place(), false);
  if (own.exists) {
    chain.push_back(own.identity);
  }
  co_return chain;
}

Task<Result<BlockdevOptions, Error>> BackingOptions(const BlockdevOptions& options,
                                                    const Image& image) {
  const auto& own = std::get<Qcow2Options>(options.driver_options);
  CO_ASSIGN(std::vector<std::string> chain, co_await ChainWith(own, image));
  CO_ASSIGN(Backing backing, ParseBacking(image.header, image.filename, image.path));
  const FileLook look = co_await Look(backing.probe_filename, backing.options.driver.empty());
  if (look.exists && std::find(chain.begin(), chain.end(), look.identity) != chain.end()) {
    co_return Error{Errno{ELOOP},
                    fmt::format("{}: backing file '{}' is part of the chain above it: a loop",
                                image.filename, image.header.backing_name)};
  }
  BlockdevOptions& file_node = *FileOf(backing.options).definition;
  if (look.is_device && file_node.driver == "file") {
    file_node.driver = "host_device";
  }
  Inherit(options, file_node);
  backing.options.cache = options.cache;
  if (backing.options.driver.empty() && !look.exists) {
    backing.options.driver = "raw";  // only to be told why it cannot be opened
  }
  if (backing.options.driver.empty()) {
    auto probed = Probed(image, std::move(backing.options), look);
    if (!probed.ok()) {
      co_return NameBoth(image, "backing file", image.header.backing_name, probed.error());
    }
    backing.options = std::move(*probed);
  }
  if (auto* const qcow2 = std::get_if<Qcow2Options>(&backing.options.driver_options)) {
    qcow2->opened_above = std::move(chain);
  }
  co_return std::move(backing.options);
}

}  // namespace

Task<Result<Unit, Error>> OpenBacking(const BlockdevOptions& options, OpenContext& context,
                                      Image& image) {
  const auto& own = std::get<Qcow2Options>(options.driver_options);
  if (!image.header.backing_name.empty()) {
    image.full_backing_name = FullName(image.filename, image.header.backing_name);
  }
  if (!own.backing.empty()) {
    CO_ASSIGN(image.backing,
              co_await context.OpenChild(own.backing, ChildRole::kBacking, kReadStable));
    co_return Unit{};
  }
  if (own.no_backing || image.header.backing_name.empty()) {
    co_return Unit{};
  }
  CO_ASSIGN(BlockdevOptions backing_options, co_await BackingOptions(options, image));
  BlockdevRef child;
  child.definition = std::make_unique<BlockdevOptions>(std::move(backing_options));
  Result<BlockRef, Error> backing =
      co_await context.OpenChild(child, ChildRole::kBacking, kReadStable);
  if (!backing.ok()) {
    co_return NameBoth(image, "backing file", image.header.backing_name, backing.error());
  }
  image.backing = std::move(*backing);
  co_return Unit{};
}

// A relative name begins in the image's folder; where there is none of that name, in the current
// directory, which is what QEMU takes it for.
Task<Result<Unit, Error>> OpenDataFile(const BlockdevOptions& options, OpenContext& context,
                                       Image& image) {
  const auto& own = std::get<Qcow2Options>(options.driver_options);
  if (!image.header.has_data_file()) {
    if (!own.data_file.empty()) {
      co_return Error{Errno{EINVAL},
                      fmt::format("{}: 'data-file' can only be set for images with an external "
                                  "data file",
                                  image.filename)};
    }
    co_return Unit{};
  }
  if (!own.data_file.empty()) {
    CO_ASSIGN(image.data_file,
              co_await context.OpenChild(own.data_file, ChildRole::kDataFile, kReadStable));
    co_return Unit{};
  }
  const std::string& name = image.header.data_file_name;
  if (name.empty()) {
    co_return Error{Errno{EINVAL},
                    fmt::format("{}: 'data-file' is required for this image", image.filename)};
  }
  std::string filename = FullName(image.filename, name);
  std::string path = FullName(image.place(), name);
  FileLook look = co_await Look(path, false);
  if (!look.exists && path != name) {
    const FileLook here = co_await Look(name, false);
    if (here.exists) {
      look = here;
      filename = path = name;
    }
  }
  const BlockdevRef child = FileNode(std::move(filename), std::move(path));
  Inherit(options, *child.definition);
  child.definition->read_only = image.file.node().read_only();
  if (look.is_device) {
    child.definition->driver = "host_device";
  }
  Result<BlockRef, Error> data =
      co_await context.OpenChild(child, ChildRole::kDataFile, kReadStable);
  if (!data.ok()) {
    co_return NameBoth(image, "data file", name, data.error());
  }
  image.data_file = std::move(*data);
  co_return Unit{};
}

}  // namespace fusebay::qcow2
