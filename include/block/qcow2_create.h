// Makes new qcow2 images. Names, defaults, rules and messages are those of `qemu-img create`.
#pragma once
#include <cstdint>
#include <string>

#include "block/block_ref.h"

namespace fusebay {

enum class Qcow2Compression : std::uint8_t { kZlib, kZstd };

struct Qcow2CreateOptions {
  std::uint64_t size = 0;  // of the disk, bytes; a multiple of 512
  std::uint32_t version = 3;
  std::string backing_file;    // stored as it is; empty: none
  std::string backing_format;  // required with a backing file
  std::uint64_t cluster_size = 65536;
  // kMetadata: every cluster has its place in the file. kFalloc: that place is allocated, too.
  // kFull: it is written.
  Prealloc preallocation = Prealloc::kOff;
  bool lazy_refcounts = false;
  std::uint64_t refcount_bits = 16;
  bool extended_l2 = false;
  Qcow2Compression compression = Qcow2Compression::kZlib;
  std::string data_file;       // name of the external data file, stored as it is; empty: none
  bool data_file_raw = false;  // the data file is a raw image of the disk; implies kMetadata
};

// Whether an image with these options can be made. Looks at no file. Messages name no file.
Result<Unit, Error> CheckQcow2CreateOptions(const Qcow2CreateOptions& options);

// Makes an empty image in `file` and, if options.data_file is not empty, its data in `data_file`,
// which is nothing otherwise. REQUIRES: kPermWrite and kPermResize on both.
//
// What the files held is lost, except after an error of CheckQcow2CreateOptions. The header comes
// last, when all it refers to is on the disk: after a crash or an error there is the whole image,
// or something that is no image. Messages do not name the image.
Task<Result<Unit, Error>> CreateQcow2(const BlockRef& file, const BlockRef& data_file,
                                      const Qcow2CreateOptions& options);

// What a new image's backing file is. Opens it with all of its chain, as the image will, but
// without locks: others may be using it.
struct BackingLook {
  std::uint64_t size = 0;
  std::string format;
};
// `format` empty: it is guessed, and only this one file is opened.
Task<Result<BackingLook, Error>> LookAtBacking(const std::string& image_filename,
                                               const std::string& backing_file,
                                               const std::string& format);

}  // namespace fusebay
