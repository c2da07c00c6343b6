// The driver `compress` (docs/drivers/compress.md).
#pragma once
#include "block/block_driver.h"

namespace fusebay {

extern const BlockDriver kCompressDriver;

}  // namespace fusebay
