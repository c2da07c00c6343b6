// The driver constants of block/memory.
#pragma once
#include "block/block_driver.h"

namespace fusebay {

extern const BlockDriver kMemoryDriver;

}  // namespace fusebay
