// OpenImage: from a file's name to an open node, the way a user at the command line means it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "block/block_graph.h"

namespace fusebay {

struct ImageRequest {
  std::string filename;  // relative to the current directory; never parsed for a protocol
  // Empty: guessed by content. qcow2 is recognised; an image of another known format (VMDK, VDI,
  // VHDX, VPC, LUKS, QED, Parallels, bochs, cloop, DMG, old qcow) is refused by its name, for its
  // raw bytes are not what the user wants; anything else is raw, guarded as RawOptions::probed
  // says.
  std::string format;
  std::string node_name;
  bool writable = false;
  bool resizable = false;
  bool discard_unmap = true;
  DetectZeroes detect_zeroes = DetectZeroes::kOff;  // of the top node
  CacheOptions cache;
  std::optional<EngineKind> aio;
  OnOffAuto locking = OnOffAuto::kAuto;
  std::string snapshot;               // qcow2 only
  Qcow2CacheOptions caches;           // qcow2 only
  bool no_backing = false;            // as if the image had no backing file; for looking at it only
  std::uint64_t offset = 0;           // raw only
  std::optional<std::uint64_t> size;  // raw only
};

// The format a file's first bytes say, or "raw". For a backing file without a format, too.
std::string_view ProbeFormat(ByteSpan head);

// Opens the image and returns its top node. Every message names the file.
Task<Result<BlockNode*, Error>> OpenImage(BlockGraph& graph, const ImageRequest& request);

}  // namespace fusebay
