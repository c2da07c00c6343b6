// The driver constant of block/qcow2.
#pragma once
#include "block/block_driver.h"

namespace fusebay {

extern const BlockDriver kQcow2Driver;

}  // namespace fusebay
