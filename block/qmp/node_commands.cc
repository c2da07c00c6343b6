// The commands that open, close and change nodes.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "block/graph_query.h"
#include "block/live_reopen.h"
#include "block/live_snapshot.h"
#include "block/qmp_block.h"

namespace fusebay {

namespace {

using Done = Result<Unit, qapi::QmpError>;

Done ToReply(const Result<Unit, Error>& result) {
  return result.ok() ? Done(Unit{}) : Done(qapi::QmpError(result.error()));
}

// There are no devices, so only the node's name can be right.
qapi::QmpError NoSuchNode(std::string_view device, std::string_view node_name) {
  return qapi::QmpError(
      fmt::format("Cannot find device='{}' nor node-name='{}'", device, node_name));
}

// Whether another node is on top of it.
bool IsChild(BlockGraph& graph, const std::string& node_name) {
  const std::vector<NodeStats> all = CollectStats(graph);
  return std::any_of(all.begin(), all.end(), [&node_name](const NodeStats& parent) {
    return std::any_of(
        parent.children.begin(), parent.children.end(),
        [&node_name](const NodeChild& child) { return child.node_name == node_name; });
  });
}

}  // namespace

void NodeCommands::AddTo(qapi::QmpCommands& commands) {
  using qapi::QmpSession;
  commands.Add<qapi::BlockdevAddCommand>(
      [this](auto options, QmpSession&) { return Add(std::move(options)); });
  commands.Add<qapi::BlockdevDelCommand>(
      [this](auto arguments, QmpSession&) { return Delete(std::move(arguments)); });
  commands.Add<qapi::BlockdevReopenCommand>(
      [this](auto arguments, QmpSession&) { return Reopen(std::move(arguments)); });
  commands.Add<qapi::BlockResizeCommand>(
      [this](auto arguments, QmpSession&) { return Resize(std::move(arguments)); });
  commands.Add<qapi::ChangeBackingFileCommand>(
      [this](auto arguments, QmpSession&) { return ChangeBacking(std::move(arguments)); });
  commands.Add<qapi::BlockdevSnapshotCommand>(
      [this](auto arguments, QmpSession&) { return Snapshot(std::move(arguments)); });
  commands.Add<qapi::BlockdevSnapshotSyncCommand>(
      [this](auto arguments, QmpSession&) { return SnapshotSync(std::move(arguments)); });
  commands.Add<qapi::BlockSetWriteThresholdCommand>(
      [this](const auto& arguments, QmpSession&) { return Reply(SetWriteThreshold(arguments)); });
}

NodeCommands::Reply NodeCommands::Settled(Result<Unit, Error> result) {
  if (result.ok() && settle_) {
    co_await settle_();
  }
  co_return ToReply(result);
}

NodeCommands::Reply NodeCommands::Add(qapi::BlockdevOptions options) {
  if (!options.node_name.has_value()) {
    co_return qapi::QmpError("'node-name' must be specified for the root node");
  }
  CO_ASSIGN(const BlockdevOptions converted, ToBlockdevOptions(options));
  const Result<BlockNode*, Error> opened = co_await graph_.Open(converted);
  CO_TRY(opened);
  co_return Unit{};
}

NodeCommands::Reply NodeCommands::Delete(qapi::BlockdevDelArguments arguments) {
  const Result<Unit, Error> removed = co_await graph_.Remove(arguments.node_name);
  co_return ToReply(removed);
}

NodeCommands::Reply NodeCommands::Reopen(qapi::BlockdevReopenArguments arguments) {
  std::vector<BlockdevOptions> all;
  for (const qapi::BlockdevOptions& options : arguments.options) {
    if (!options.node_name.has_value()) {
      co_return qapi::QmpError("node-name not specified");
    }
    CO_ASSIGN(BlockdevOptions converted, ToBlockdevOptions(options));
    all.push_back(std::move(converted));
  }
  const Result<Unit, Error> reopened = co_await ReopenNodes(graph_, std::move(all));
  const Done settled = co_await Settled(reopened);
  co_return settled;
}

Done NodeCommands::CheckExists(const std::optional<std::string>& device,
                               const std::optional<std::string>& node_name) const {
  if (!node_name.has_value() || graph_.Find(*node_name) == nullptr) {
    return NoSuchNode(device.value_or(""), node_name.value_or(""));
  }
  return Unit{};
}

NodeCommands::Reply NodeCommands::Resize(qapi::BlockResizeArguments arguments) {
  CO_TRY(CheckExists(arguments.device, arguments.node_name));
  if (arguments.size < 0) {
    co_return qapi::QmpError("Parameter 'size' expects a >0 size");
  }
  const auto size = static_cast<std::uint64_t>(arguments.size);
  const Result<Unit, Error> resized = co_await ResizeNode(graph_, *arguments.node_name, size);
  const Done settled = co_await Settled(resized);
  co_return settled;
}

NodeCommands::Reply NodeCommands::ChangeBacking(qapi::ChangeBackingFileArguments arguments) {
  if (IsChild(graph_, arguments.device)) {
    co_return qapi::QmpError("Need a root block node");
  }
  const Result<Unit, Error> changed = co_await ChangeBackingFile(
      graph_, arguments.device, arguments.image_node_name, arguments.backing_file);
  co_return ToReply(changed);
}

NodeCommands::Reply NodeCommands::Snapshot(qapi::BlockdevSnapshotArguments arguments) {
  const Result<Unit, Error> taken =
      co_await TakeSnapshot(graph_, arguments.node, arguments.overlay);
  const Done settled = co_await Settled(taken);
  co_return settled;
}

NodeCommands::Reply NodeCommands::SnapshotSync(qapi::BlockdevSnapshotSyncArguments arguments) {
  CO_TRY(CheckExists(arguments.device, arguments.node_name));
  SnapshotSyncRequest request;
  request.node_name = *arguments.node_name;
  request.filename = std::move(arguments.snapshot_file);
  request.overlay_name = arguments.snapshot_node_name.value_or("");
  request.format = arguments.format.value_or(request.format);
  request.existing = arguments.mode == qapi::NewImageMode::kExisting;
  const Result<Unit, Error> taken = co_await TakeSnapshotInFile(graph_, request);
  const Done settled = co_await Settled(taken);
  co_return settled;
}

Done NodeCommands::SetWriteThreshold(const qapi::BlockSetWriteThresholdArguments& arguments) {
  BlockNode* const node = graph_.Find(arguments.node_name);
  if (node == nullptr) {
    return qapi::QmpError(fmt::format("Device '{}' not found", arguments.node_name));
  }
  node->set_write_threshold(arguments.write_threshold);
  return Unit{};
}

}  // namespace fusebay
