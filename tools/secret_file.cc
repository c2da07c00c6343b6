// Reads the file of a secret on a worker thread and looks at its characters.
#include "secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>

#include "base/fd.h"
#include "core/aio_context.h"

namespace fusebay {

namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\n";

Error Invalid(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

// A pipe that nobody writes is empty, not waited for.
Result<> ReadWhole(const std::string& path, std::string& text, bool& opened) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  opened = static_cast<bool>(fd);
  if (!fd) {
    return Errno(errno);
  }
  std::size_t length = 0;
  text.resize(kMaxSecretSize + 1);
  while (length < text.size()) {
    const ssize_t n = ::read(fd.get(), text.data() + length, text.size() - length);
    if (n < 0) {
      return Errno(errno);
    }
    if (n == 0) {
      break;
    }
    length += static_cast<std::size_t>(n);
  }
  text.resize(length);
  return length > kMaxSecretSize ? Result<>(Errno(EFBIG)) : Ok();
}

}  // namespace

Task<Result<Unit, Error>> CheckSecret(const qapi::SecretProperties& secret) {
  if (secret.file.has_value() && secret.data.has_value()) {
    co_return Invalid("'file' and 'data' are mutually exclusive");
  }
  if (!secret.file.has_value() && !secret.data.has_value()) {
    co_return Invalid("Either 'file' or 'data' must be provided");
  }
  std::string text = secret.data.value_or("");
  if (secret.file.has_value()) {
    const std::string path = *secret.file;
    bool opened = false;
    std::function<Result<>()> read = [&path, &text, &opened] {
      return ReadWhole(path, text, opened);
    };
    const Result<> done = co_await AioContext::Current().RunBlocking(std::move(read));
    if (!done.ok()) {
      const std::string_view what = opened ? "Error reading file" : "Failed to open file";
      co_return Error{done.error(), fmt::format("Unable to read {}: {} “{}”: {}", path, what, path,
                                                std::strerror(done.error().value()))};
    }
  }
  const bool is_base64 = secret.format == qapi::QCryptoSecretFormat::kBase64;
  if (is_base64 && text.find_first_not_of(kBase64) != std::string::npos) {
    co_return Invalid("Base64 data contains invalid characters");
  }
  co_return Unit{};
}

}  // namespace fusebay
