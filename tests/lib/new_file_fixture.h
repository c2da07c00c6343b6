// New files for tests.
#pragma once
#include <string>
#include <utility>

#include "block/new_file.h"
#include "check.h"

namespace fusebay::test {

inline NewFile Make(const std::string& path) {
  auto file = NewFile::Make(path, {});
  CHECK_OK(file);
  return std::move(*file);
}

}  // namespace fusebay::test
