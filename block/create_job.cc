// blockdev-create: new image files, and qcow2 images in open nodes.
#include "block/create_job.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "block/new_file.h"
#include "graph_internal.h"

namespace fusebay {

namespace {

constexpr PermissionSet kFileMaker{kPermConsistentRead | kPermWrite | kPermResize, 0};
// Others may look on.
constexpr PermissionSet kImageMaker{kPermConsistentRead | kPermWrite | kPermResize,
                                    kPermConsistentRead};

Error Fail(int code, std::string message) { return Error{Errno{code}, std::move(message)}; }

Task<Result<Unit, Error>> WriteFile(BlockGraph& graph, const CreateFileOptions& options) {
  BlockdevOptions node_options;
  node_options.driver = "file";
  node_options.driver_options =
      FileOptions{.filename = options.filename, .aio = {}, .locking = OnOffAuto::kAuto};
  CO_ASSIGN(const BlockNode* const node, co_await graph.Open(node_options));
  CO_ASSIGN(const BlockRef file, graph.Use(node->node_name(), kFileMaker, "blockdev-create"));
  Result<> done = co_await file.Truncate(0, Prealloc::kOff);
  if (done.ok()) {
    done = co_await file.Truncate(options.size, options.preallocation);
  }
  if (!done.ok()) {
    co_return Fail(done.error().value(),
                   fmt::format("Could not resize file: {}", std::strerror(done.error().value())));
  }
  co_return Unit{};
}

// With a graph of its own: the file is locked as if another process did it.
Task<Result<Unit, Error>> CreateFile(const CreateFileOptions& options) {
  if (options.preallocation == Prealloc::kMetadata) {
    co_return Fail(ENOTSUP, "Unsupported preallocation mode: metadata");
  }
  std::optional<Result<NewFile, Error>> made;
  const Result<> called = co_await AioContext::Current().RunBlocking([&made, &options] {
    made.emplace(NewFile::Make(options.filename,
                               {.no_copy_on_write = options.no_copy_on_write, .extent_size = {}}));
    return Ok();
  });
  FB_ASSERT(called.ok());
  if (!made->ok()) {
    co_return made->error();
  }
  NewFile file = std::move(**made);
  BlockGraph graph;
  const Result<Unit, Error> written = co_await WriteFile(graph, options);
  const Result<Unit, Error> closed = co_await graph.CloseAll();
  CO_TRY(written);
  CO_TRY(closed);
  file.Keep();
  co_return Unit{};
}

// The node that is meant; one that is defined here goes with its last user.
Task<Result<BlockRef, Error>> UseNode(BlockGraph& graph, const std::string& job,
                                      const BlockdevRef& ref) {
  BlockGraph::Impl& impl = graph.impl();
  const CoMutex::Guard guard = co_await impl.changing.Lock();
  NodeEntry* entry = impl.Find(ref.node_name);
  if (ref.definition != nullptr) {
    CO_ASSIGN(entry, co_await impl.Open(graph, *ref.definition, 0));
    entry->owned = false;
  }
  if (entry == nullptr) {
    co_return NoSuchNode(ref.node_name, ref.node_name);
  }
  CO_ASSIGN(BlockRef use, graph.Use(entry->node->node_name(), kImageMaker, "blockdev-create"));
  entry->users.back()->job = job;
  co_return use;
}

Task<Result<Unit, Error>> WriteQcow2(BlockGraph& graph, const std::string& job,
                                     CreateQcow2Options& create) {
  CO_ASSIGN(const BlockRef file, co_await UseNode(graph, job, create.file));
  BlockRef data;
  if (!create.data_file.empty()) {
    CO_ASSIGN(data, co_await UseNode(graph, job, create.data_file));
    if (create.options.data_file.empty()) {
      CO_ASSIGN(const ImageInfo info, co_await data.node().Info());
      CO_ASSIGN(const ImageInfo image, co_await file.node().Info());
      create.options.data_file = NameInImage(image.path, info);
    }
  }
  const Result<Unit, Error> created = co_await CreateQcow2(file, data, create.options);
  co_return created;
}

class CreateJob final : public Job {
 public:
  CreateJob(BlockGraph& graph, std::string id, CreateOptions options)
      : Job({.id = std::move(id), .auto_finalize = true, .auto_dismiss = false}),
        graph_(graph),
        options_(std::move(options)) {}

  std::string_view type() const override { return "create"; }

 private:
  Task<Result<Unit, Error>> Run() override {
    SetTotal(1);
    Result<Unit, Error> done = Unit{};
    if (const auto* const file = std::get_if<CreateFileOptions>(&options_)) {
      done = co_await CreateFile(*file);
    } else {
      done = co_await CreateImage(std::get<CreateQcow2Options>(options_));
    }
    Advance(1);
    co_return done;
  }

  Task<Result<Unit, Error>> CreateImage(CreateQcow2Options& create) {
    const Result<Unit, Error> written = co_await WriteQcow2(graph_, id(), create);
    const Result<Unit, Error> closed = co_await graph_.CloseUnused();
    CO_TRY(written);
    co_return closed;
  }

  BlockGraph& graph_;
  CreateOptions options_;
};

}  // namespace

std::unique_ptr<Job> MakeCreateJob(BlockGraph& graph, std::string job_id, CreateOptions options) {
  return std::make_unique<CreateJob>(graph, std::move(job_id), std::move(options));
}

}  // namespace fusebay
