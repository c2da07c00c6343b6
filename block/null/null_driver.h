// The driver constants of block/null.
#pragma once
#include "block/block_driver.h"

namespace fusebay {

extern const BlockDriver kNullDriver;

}  // namespace fusebay
