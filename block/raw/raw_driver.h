// The driver constants of block/raw.
#pragma once
#include "block/block_driver.h"

namespace fusebay {

extern const BlockDriver kRawDriver;

}  // namespace fusebay
