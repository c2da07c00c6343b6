// The list of drivers.
#include <algorithm>
#include <array>

#include "block/block_driver.h"
#include "file/file_driver.h"
#include "filters/compress_driver.h"
#include "memory/memory_driver.h"
#include "null/null_driver.h"
#include "qcow2/qcow2_driver.h"
#include "raw/raw_driver.h"

namespace fusebay {

std::span<const BlockDriver* const> BlockDrivers() {
  static constexpr std::array kDrivers{
      &kQcow2Driver,      &kRawDriver,  &kCompressDriver, &kFileDriver,
      &kHostDeviceDriver, &kNullDriver, &kMemoryDriver,
  };
  return kDrivers;
}

const BlockDriver* FindDriver(std::string_view name) {
  const std::span<const BlockDriver* const> all = BlockDrivers();
  const auto it = std::find_if(all.begin(), all.end(),
                               [name](const BlockDriver* driver) { return driver->name == name; });
  return it == all.end() ? nullptr : *it;
}

}  // namespace fusebay
