// Overlay: a qcow2 image that takes the writes to another image, which stays as it is.
#pragma once
#include <optional>
#include <string>

#include "base/fd.h"
#include "block/block_graph.h"
#include "block/new_file.h"
#include "block/open_image.h"

namespace fusebay {

class Overlay {
 public:
  // `filename` empty: a temporary file without a name, in $TMPDIR or /var/tmp, that is gone when
  // the process ends, however it does. A file that does not exist is made, and goes away again
  // unless Keep is called. All outlive this; `image_path` is what is stored in a new file.
  Overlay(BlockGraph& graph, std::string filename, const std::string& image_path)
      : graph_(graph), filename_(std::move(filename)), image_path_(image_path) {}
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;

  // Opens the image read-only and the overlay above it, both as `image` says; returns the overlay.
  // Errors: those of OpenImage; "F: this image has no backing file, ...", "F: its backing file is
  // 'B', not 'I'", "Could not create ...".
  Task<Result<BlockNode*, Error>> Open(ImageRequest image);
  void Keep();
  // Of the image, which REQUIRES: Open has succeeded.
  const std::string& image_format() const { return image_format_; }

 private:
  Result<bool, Error> MakeFile();
  Task<Result<Unit, Error>> Create(const BlockNode& base);
  Task<Result<Unit, Error>> CheckFile(const ImageRequest& image);
  Task<Result<ImageInfo, Error>> LookAtFile(const ImageRequest& image);
  BlockdevOptions Options(const ImageRequest& image, const BlockNode& base) const;

  BlockGraph& graph_;
  std::string filename_;
  const std::string& image_path_;
  std::string image_format_;
  UniqueFd temporary_;  // what filename_ stands for, then
  std::optional<NewFile> created_;
};

}  // namespace fusebay
