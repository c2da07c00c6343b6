// MapLines: what `fusebay img map` prints, made from one run of bytes after the other.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "output_format.h"

namespace fusebay {

struct MapEntry {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::uint32_t depth = 0;  // of the image in the chain that decides; 0: the one asked about
  bool present = false;     // some image decides
  bool zero = false;
  bool data = false;
  std::optional<std::uint64_t> offset;  // in `filename`
  std::string filename;
};

class MapLines {
 public:
  explicit MapLines(OutputFormat format) : format_(format) {}

  // Runs come in order, each beginning where the last one ended. Those that go on with the same
  // become one line. Error: in the human form, data that is not in a file as it is read.
  Result<Unit, Error> Add(const MapEntry& next);
  // After the last one. `start` is where the map begins, for a map of nothing.
  Result<Unit, Error> Finish(std::uint64_t start);

  // The text that has been made since the last call.
  std::string Take() { return std::exchange(text_, {}); }
  std::size_t waiting() const { return text_.size(); }

 private:
  Result<Unit, Error> Print(const MapEntry& entry);

  const OutputFormat format_;
  bool has_begun_ = false;
  bool has_lines_ = false;
  MapEntry last_;
  std::string text_;
};

}  // namespace fusebay
