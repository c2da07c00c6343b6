// Makes, checks and opens the overlay of an image.
#include "overlay.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "base/align.h"
#include "block/qcow2_create.h"

namespace fusebay {

namespace {

constexpr std::uint64_t kSector = 512;
constexpr PermissionSet kMaker{kPermConsistentRead | kPermWrite | kPermResize, 0};

// A file that has no name, or none for longer than it takes to open it.
Result<UniqueFd, Error> OpenTemporary() {
  const char* const wanted = ::getenv("TMPDIR");
  const std::string folder = wanted != nullptr && *wanted != '\0' ? wanted : "/var/tmp";
  UniqueFd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd && (errno == EOPNOTSUPP || errno == EISDIR)) {
    std::string name = folder + "/fusebay.XXXXXX";
    fd = UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
    if (fd) {
      ::unlink(name.c_str());
    }
  }
  if (!fd) {
    const int code = errno;
    return Error{Errno{code}, fmt::format("Could not create a temporary file in '{}': {}", folder,
                                          std::strerror(code))};
  }
  return fd;
}

bool IsSameFile(const std::string& one, const std::string& other) {
  struct stat a{};
  struct stat b{};
  return ::stat(one.c_str(), &a) == 0 && ::stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

BlockdevOptions FileOptionsOf(const std::string& filename, const ImageRequest& image) {
  BlockdevOptions options;
  options.driver = "file";
  options.discard_unmap = image.discard_unmap;
  options.cache = image.cache;
  options.driver_options =
      FileOptions{.filename = filename, .aio = image.aio, .locking = image.locking};
  return options;
}

}  // namespace

// Whether it has been made now; false: it is there already.
Result<bool, Error> Overlay::MakeFile() {
  if (filename_.empty()) {
    FB_ASSIGN(temporary_, OpenTemporary());
    filename_ = fmt::format("/proc/self/fd/{}", temporary_.get());
    return true;
  }
  FB_ASSIGN(NewFile file, NewFile::Make(filename_, {}));
  if (!file.is_new()) {
    return false;
  }
  created_.emplace(std::move(file));
  return true;
}

// A temporary overlay needs no name of its image: it is never opened without it.
Task<Result<Unit, Error>> Overlay::Create(const BlockNode& base) {
  BlockdevOptions options;
  options.driver = "file";
  options.driver_options = FileOptions{.filename = filename_, .aio = {}, .locking = {}};
  CO_ASSIGN(BlockNode* const node, co_await graph_.Open(options));
  Qcow2CreateOptions image;
  image.size = AlignUp(base.size(), kSector);
  if (!temporary_) {
    image.backing_file = image_path_;
    image.backing_format = base.driver_name();
  }
  const std::string name = node->node_name();
  Result<Unit, Error> created = Unit{};
  {
    CO_ASSIGN(const BlockRef file, graph_.Use(name, kMaker, "the overlay"));
    created = co_await CreateQcow2(file, BlockRef(), image);
  }
  const Result<Unit, Error> closed = co_await graph_.Remove(name);
  if (!created.ok()) {
    co_return Error{created.error().code, fmt::format("Could not create the overlay '{}': {}",
                                                      filename_, created.error().message)};
  }
  co_return closed;
}

Task<Result<ImageInfo, Error>> Overlay::LookAtFile(const ImageRequest& image) {
  ImageRequest look;
  look.filename = filename_;
  look.format = "qcow2";
  look.no_backing = true;
  look.locking = image.locking;
  CO_ASSIGN(BlockNode* const node, co_await OpenImage(graph_, look));
  const std::string name = node->node_name();
  Result<ImageInfo, Error> info = co_await node->Info();
  const Result<Unit, Error> closed = co_await graph_.Remove(name);
  CO_TRY(closed);
  co_return info;
}

Task<Result<Unit, Error>> Overlay::CheckFile(const ImageRequest& image) {
  CO_ASSIGN(const ImageInfo info, co_await LookAtFile(image));
  if (info.backing_filename.empty()) {
    co_return Error{Errno{EINVAL},
                    fmt::format("{}: this image has no backing file, so it is no overlay of '{}'",
                                filename_, image.filename)};
  }
  if (!IsSameFile(info.full_backing_filename, image.filename)) {
    co_return Error{Errno{EINVAL}, fmt::format("{}: its backing file is '{}', not '{}'", filename_,
                                               info.backing_filename, image.filename)};
  }
  if (!info.backing_format.empty() && info.backing_format != image_format_) {
    co_return Error{Errno{EINVAL},
                    fmt::format("{}: its backing file's format is '{}', and '{}' is opened as '{}'",
                                filename_, info.backing_format, image.filename, image_format_)};
  }
  co_return Unit{};
}

BlockdevOptions Overlay::Options(const ImageRequest& image, const BlockNode& base) const {
  BlockdevOptions file = FileOptionsOf(filename_, image);
  file.cache.no_flush = file.cache.no_flush || temporary_;
  Qcow2Options own;
  own.backing.node_name = base.node_name();
  own.caches = image.caches;
  BlockdevOptions options;
  options.driver = "qcow2";
  options.node_name = image.node_name;
  options.discard_unmap = image.discard_unmap;
  options.detect_zeroes = image.detect_zeroes;
  options.cache = file.cache;
  own.file.definition = std::make_unique<BlockdevOptions>(std::move(file));
  options.driver_options = std::move(own);
  return options;
}

Task<Result<BlockNode*, Error>> Overlay::Open(ImageRequest image) {
  ImageRequest below = image;
  below.node_name.clear();
  below.writable = false;
  below.resizable = false;
  below.detect_zeroes = DetectZeroes::kOff;
  below.caches = {};
  CO_ASSIGN(BlockNode* const base, co_await OpenImage(graph_, below));
  image_format_ = base->driver_name();
  CO_ASSIGN(const bool is_new, MakeFile());
  if (is_new) {
    const Result<Unit, Error> created = co_await Create(*base);
    CO_TRY(created);
  } else {
    const Result<Unit, Error> checked = co_await CheckFile(image);
    CO_TRY(checked);
  }
  const BlockdevOptions options = Options(image, *base);
  const Result<BlockNode*, Error> node = co_await graph_.Open(options);
  co_return node;
}

void Overlay::Keep() {
  if (created_.has_value()) {
    created_->Keep();
  }
}

}  // namespace fusebay
