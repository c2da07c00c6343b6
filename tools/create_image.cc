// Creates raw and qcow2 images in files and on devices.
#include "create_image.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "block/block_graph.h"
#include "block/new_file.h"
#include "remove_on_interrupt.h"

namespace fusebay {

namespace {

// While it is being made, nobody else has any use of it.
constexpr PermissionSet kMaker{kPermConsistentRead | kPermWrite | kPermResize, 0};

Error Named(const std::string& filename, const Error& error) {
  return Error{error.code, fmt::format("{}: {}", filename, error.message)};
}

Task<Result<BlockRef, Error>> Open(BlockGraph& graph, const NewFile& file) {
  BlockdevOptions options;
  options.driver = file.is_device() ? "host_device" : "file";
  options.driver_options = FileOptions{.filename = file.path(), .aio = {}, .locking = {}};
  const Result<BlockNode*, Error> node = co_await graph.Open(options);
  CO_TRY(node);
  co_return graph.Use((*node)->node_name(), kMaker, "img create");
}

Task<Result<Unit, Error>> WriteRaw(const BlockRef& file, const Qcow2CreateOptions& options,
                                   bool is_device) {
  if (is_device) {
    const bool fits = file.size() >= options.size;
    co_return fits&& options.preallocation == Prealloc::kOff
        ? Result<Unit, Error>(Unit{})
        : Error{Errno{ENOSPC}, fits ? std::string("A device cannot be preallocated")
                                    : fmt::format("The device has only {} bytes", file.size())};
  }
  Result<> done = co_await file.Truncate(0, Prealloc::kOff);
  if (done.ok()) {
    done = co_await file.Truncate(options.size, options.preallocation);
  }
  if (done.ok()) {
    done = co_await file.Flush(FlushMode::kDisk);
  }
  if (!done.ok() && done.error() == Errno{EFBIG}) {
    co_return Error{done.error(), "The image size is too large for file format 'raw'"};
  }
  if (!done.ok()) {
    co_return Error{done.error(),
                    fmt::format("Could not resize file: {}", std::strerror(done.error().value()))};
  }
  co_return Unit{};
}

struct Files {
  NewFile image;
  std::optional<NewFile> data;
};

Task<Result<Unit, Error>> WriteIn(BlockGraph& graph, const CreateImageRequest& request,
                                  const Files& files) {
  CO_ASSIGN(const BlockRef file, co_await Open(graph, files.image));
  if (request.is_raw) {
    const auto written = co_await WriteRaw(file, request.options, files.image.is_device());
    co_return written;
  }
  BlockRef data;
  if (files.data.has_value()) {
    CO_ASSIGN(data, co_await Open(graph, *files.data));
  }
  const Result<Unit, Error> created = co_await CreateQcow2(file, data, request.options);
  co_return created;
}

Task<Result<Unit, Error>> Write(const CreateImageRequest& request, const Files& files) {
  BlockGraph graph;
  const Result<Unit, Error> written = co_await WriteIn(graph, request, files);
  const Result<Unit, Error> closed = co_await graph.CloseAll();
  CO_TRY(written);
  co_return closed;
}

// The image will look for its data file in its own folder first, but here the name is relative to
// the current folder.
Result<Unit, Error> CheckDataFileName(const CreateImageRequest& request) {
  const std::string& name = request.options.data_file;
  const std::size_t slash = request.filename.rfind('/');
  if (name.empty() || name.starts_with('/') || slash == std::string::npos) {
    return Unit{};
  }
  const std::string beside = request.filename.substr(0, slash + 1) + name;
  char* const here = ::realpath(name.c_str(), nullptr);
  char* const there = ::realpath(beside.c_str(), nullptr);
  const bool is_other = there != nullptr && (here == nullptr || std::strcmp(here, there) != 0);
  std::free(here);
  std::free(there);
  if (is_other) {
    return Error{Errno{EEXIST},
                 fmt::format("The data file '{}' would be taken for '{}'; give its absolute path",
                             name, beside)};
  }
  return Unit{};
}

Result<Unit, Error> Create(AioContext& loop, const CreateImageRequest& request) {
  if (request.is_raw && request.options.preallocation == Prealloc::kMetadata) {
    return Error{Errno{EINVAL}, "Unsupported preallocation mode: metadata"};
  }
  if (!request.is_raw) {
    FB_TRY(CheckQcow2CreateOptions(request.options));
    FB_TRY(CheckDataFileName(request));
  }
  FB_ASSIGN(NewFile image, NewFile::Make(request.filename, request.hints));
  Files files{std::move(image), std::nullopt};
  if (!request.options.data_file.empty()) {
    FB_ASSIGN(NewFile data, NewFile::Make(request.options.data_file, {}));
    files.data.emplace(std::move(data));
    if (files.data->IsSameAs(files.image)) {
      return Error{Errno{EINVAL}, "The image cannot be its own data file"};
    }
  }
  const NewFile* const data = files.data.has_value() ? &*files.data : nullptr;
  const RemoveOnInterrupt guard({&files.image, data});
  FB_TRY(loop.RunUntilDone(Write(request, files)));
  files.image.Keep();
  if (files.data.has_value()) {
    files.data->Keep();
  }
  return Unit{};
}

}  // namespace

Result<Unit, Error> CreateImage(AioContext& loop, const CreateImageRequest& request) {
  const Result<Unit, Error> created = Create(loop, request);
  if (!created.ok()) {
    return Named(request.filename, created.error());
  }
  return created;
}

}  // namespace fusebay
