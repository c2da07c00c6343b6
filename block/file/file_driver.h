// The driver constants of block/file.
#pragma once
#include "block/block_driver.h"

namespace fusebay {

extern const BlockDriver kFileDriver;
extern const BlockDriver kHostDeviceDriver;

}  // namespace fusebay
