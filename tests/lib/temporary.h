// Names of temporary files and folders for mkstemp and mkdtemp: below TMPDIR, where tests/run finds
// what a killed test has left.
#pragma once
#include <filesystem>
#include <string>

namespace fusebay::test {

inline std::string TemporaryPattern(const std::string& stem) {
  const auto folder = std::filesystem::canonical(std::filesystem::temp_directory_path());
  return (folder / ("fusebay-" + stem + "-XXXXXX")).string();
}

}  // namespace fusebay::test
