// NewFile: a file for a new image. What was made for an image that then fails goes away again; what
// was there before stays.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"

namespace fusebay {

// For the file system; those that cannot follow them ignore them.
struct FileHints {
  bool no_copy_on_write = false;
  std::optional<std::uint64_t> extent_size;  // bytes; 0: none; not given: a good one for images
};

class NewFile {
 public:
  // "Could not create 'P': reason". A file that is there already is not touched.
  static Result<NewFile, Error> Make(std::string path, const FileHints& hints);

  NewFile(NewFile&& other) noexcept
      : path_(std::move(other.path_)),
        device_(other.device_),
        inode_(other.inode_),
        is_device_(other.is_device_),
        is_ours_(std::exchange(other.is_ours_, false)) {}
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile() { RemoveIfNew(); }
  // If Make has made it, and nobody has put another one in its place. May be called by a handler of
  // signals.
  void RemoveIfNew() const;

  void Keep() { is_ours_ = false; }
  bool is_new() const { return is_ours_; }  // made by Make, and not kept yet
  const std::string& path() const { return path_; }
  bool is_device() const { return is_device_; }  // block or character
  bool IsSameAs(const NewFile& other) const {
    return device_ == other.device_ && inode_ == other.inode_;
  }

 private:
  explicit NewFile(std::string path) : path_(std::move(path)) {}

  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool is_device_ = false;
  bool is_ours_ = false;
};

}  // namespace fusebay
