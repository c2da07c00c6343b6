// How images name each other.
#include "block/image_info.h"

namespace fusebay {

std::string NameInImage(const std::string& image_path, const ImageInfo& file) {
  if (file.path.empty() || file.filename.starts_with('/')) {
    return file.filename;
  }
  const std::size_t slash = file.path.rfind('/');
  const bool beside = image_path.rfind('/') == slash && slash != std::string::npos &&
                      image_path.compare(0, slash, file.path, 0, slash) == 0;
  return beside ? file.path.substr(slash + 1) : file.path;
}

}  // namespace fusebay
