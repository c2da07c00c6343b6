// Makes an image file: opens and locks what it needs, writes it, and tidies up after a failure.
#pragma once
#include <cstdint>
#include <string>

#include "block/new_file.h"
#include "block/qcow2_create.h"
#include "core/aio_context.h"

namespace fusebay {

struct CreateImageRequest {
  std::string filename;
  bool is_raw = true;
  // Of a raw image size and preallocation only.
  Qcow2CreateOptions options;
  FileHints hints;
};

// Runs `loop` meanwhile. A file that exists is overwritten, unless somebody uses it. After an error
// there is no file that was not there before, and none that looks like an image but is not one.
// Every message names the image.
Result<Unit, Error> CreateImage(AioContext& loop, const CreateImageRequest& request);

}  // namespace fusebay
