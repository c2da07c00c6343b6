// The directory of persistent bitmaps, as far as `info` shows it.
#pragma once
#include <string_view>
#include <vector>

#include "block/block_ref.h"
#include "block/image_info.h"
#include "qcow2/qcow2_header.h"

namespace fusebay::qcow2 {

// Pure. `directory` is all of it.
Result<std::vector<BitmapInfo>, Error> ParseBitmapDirectory(ByteSpan directory, std::uint32_t count,
                                                            std::string_view filename);

// Nothing if the image has no bitmaps, or only outdated ones.
Task<Result<std::vector<BitmapInfo>, Error>> ReadBitmaps(const BlockRef& file, const Header& header,
                                                         std::string_view filename);

}  // namespace fusebay::qcow2
