// The drivers `file` and `host_device`: their options.
#include "file_driver.h"

#include <filesystem>
#include <optional>

#include "core/aio_context.h"
#include "file_node.h"
#include "file_open.h"

namespace fusebay {

namespace {

// The process may go to another folder later.
std::string AbsolutePath(const FileOptions& own) {
  const std::string& path = own.path.empty() ? own.filename : own.path;
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.string();
}

Task<NodeResult> OpenFileNode(const BlockdevOptions& options, OpenContext& context,
                              const BlockDriver& driver) {
  const auto* const own = std::get_if<FileOptions>(&options.driver_options);
  if (own == nullptr || own->filename.empty()) {
    co_return Error{Errno{EINVAL}, "Parameter 'filename' is missing"};
  }
  if (own->aio == EngineKind::kNative && !options.cache.direct) {
    co_return Error{Errno{EINVAL},
                    "aio=native was specified, but it requires cache.direct=on, which was not "
                    "specified."};
  }
  if (own->aio.has_value()) {
    CO_TRY(AioContext::Current().RequireEngine(*own->aio));
  }
  const FileRequest request{
      .filename = own->filename,
      .path = own->path,
      .is_device = &driver == &kHostDeviceDriver,
      .read_only = options.read_only,
      .auto_read_only = options.auto_read_only,
      .direct = options.cache.direct,
  };
  std::optional<Result<OpenedFile, Error>> opened;
  const Result<> called = co_await AioContext::Current().RunBlocking([&opened, &request] {
    opened.emplace(OpenFile(request));
    return Ok();
  });
  FB_ASSERT(called.ok());
  if (!opened->ok()) {
    co_return opened->error();
  }
  OpenedFile& file = **opened;
  if (own->locking == OnOffAuto::kOn && !file.can_lock) {
    co_return Error{Errno{ENOTSUP}, "locking=on was specified, but the file system of '" +
                                        own->filename + "' has no open file description locks"};
  }
  FileConfig config;
  config.node_name = context.node_name;
  config.driver_name = driver.name;
  config.filename = own->filename;
  config.path = AbsolutePath(*own);
  config.read_only = file.read_only;
  config.aio = own->aio;
  config.direct = options.cache.direct;
  config.no_flush = options.cache.no_flush;
  config.discard_unmap = options.discard_unmap;
  config.locking = own->locking != OnOffAuto::kOff && file.can_lock;
  config.is_device = request.is_device;
  config.size = file.size;
  config.block_size = file.block_size;
  config.memory_alignment = file.memory_alignment;
  config.preferred_size = file.preferred_size;
  co_return std::make_unique<FileNode>(std::move(config), std::move(file.fd),
                                       std::move(file.tail_fd));
}

Task<NodeResult> OpenRegular(const BlockdevOptions& options, OpenContext& context) {
  return OpenFileNode(options, context, kFileDriver);
}

Task<NodeResult> OpenHostDevice(const BlockdevOptions& options, OpenContext& context) {
  return OpenFileNode(options, context, kHostDeviceDriver);
}

}  // namespace

const BlockDriver kFileDriver{.name = "file", .probe = nullptr, .open = &OpenRegular};
const BlockDriver kHostDeviceDriver{
    .name = "host_device", .probe = nullptr, .open = &OpenHostDevice};

}  // namespace fusebay
