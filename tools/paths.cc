// Path look-ups that stop short of the last name.
#include "paths.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace fusebay {

namespace {

struct Split {
  std::string folder;
  std::string name;
};

Split SplitLastName(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return {".", path};
  }
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

Result<std::string, Error> MountTablePath(const std::string& path) {
  const Split split = SplitLastName(path);
  // A last name of . or .. is a folder, never an export; its real path is as good as any.
  const bool is_folder = split.name.empty() || split.name == "." || split.name == "..";
  const std::string& look_up = is_folder ? path : split.folder;
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(look_up.c_str(), nullptr),
                                                         &std::free);
  if (real == nullptr) {
    const int code = errno;
    return Error{Errno(code), fmt::format("'{}': {}", path, std::strerror(code))};
  }
  const std::string folder(real.get());
  if (is_folder) {
    return folder;
  }
  return folder == "/" ? folder + split.name : folder + "/" + split.name;
}

std::string LinkTarget(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  if (length <= 0 || static_cast<std::size_t>(length) == target.size()) {
    return {};
  }
  const std::string text(target.data(), static_cast<std::size_t>(length));
  if (text.starts_with('/')) {
    return text;
  }
  return SplitLastName(path).folder + "/" + text;
}

std::string PrintablePath(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      text.push_back(c);
    }
  }
  return text;
}

}  // namespace fusebay
