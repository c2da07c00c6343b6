// Looks at the backing file that a new image is going to have.
#include "block/block_graph.h"
#include "block/open_image.h"
#include "block/qcow2_create.h"
#include "qcow2/qcow2_backing.h"
#include "qcow2/qcow2_chain.h"

namespace fusebay {

namespace {

Task<Result<BackingLook, Error>> Guess(BlockGraph& graph, const std::string& filename) {
  ImageRequest request;
  request.filename = filename;
  request.locking = OnOffAuto::kOff;
  request.no_backing = true;
  const Result<BlockNode*, Error> node = co_await OpenImage(graph, request);
  CO_TRY(node);
  co_return BackingLook{(*node)->size(), std::string((*node)->driver_name())};
}

// As the image that is to be made would open it.
Task<Result<BackingLook, Error>> OpenAsBacking(BlockGraph& graph, qcow2::Image& image) {
  BlockdevOptions options;
  options.driver = "qcow2";
  options.read_only = true;
  Qcow2Options own;
  own.named_files.locking = OnOffAuto::kOff;
  options.driver_options = std::move(own);
  OpenContext context{.graph = graph, .node_name = "new image"};
  CO_TRY(co_await qcow2::OpenBacking(options, context, image));
  const BackingLook look{image.backing.size(), image.header.backing_format};
  image.backing = BlockRef();
  co_return look;
}

}  // namespace

Task<Result<BackingLook, Error>> LookAtBacking(const std::string& image_filename,
                                               const std::string& backing_file,
                                               const std::string& format) {
  BlockGraph graph;
  qcow2::Image image;
  image.filename = image_filename;
  image.header.backing_name = backing_file;
  image.header.backing_format = format;
  const std::string full_name = qcow2::FullName(image_filename, backing_file);
  Task<Result<BackingLook, Error>> looking =
      format.empty() ? Guess(graph, full_name) : OpenAsBacking(graph, image);
  Result<BackingLook, Error> look = co_await std::move(looking);
  const Result<Unit, Error> closed = co_await graph.CloseAll();
  if (look.ok() && !closed.ok()) {
    co_return closed.error();
  }
  co_return look;
}

}  // namespace fusebay
