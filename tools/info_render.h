// ImageInfo as `qemu-img info` writes it: the JSON has its members, the text its lines.
#pragma once
#include <span>
#include <string>

#include "block/image_info.h"

namespace fusebay {

// One object; with `chain` an array of one object per image, top first.
std::string RenderInfoJson(std::span<const ImageInfo> images, bool chain);
// One paragraph per image.
std::string RenderInfoText(std::span<const ImageInfo> images);

}  // namespace fusebay
