// The commands that add, remove and list exports.
#include "export/qmp_export.h"

#include <utility>

namespace fusebay {

namespace {

using Done = Result<Unit, qapi::QmpError>;

Done ToReply(const Result<Unit, Error>& result) {
  return result.ok() ? Done(Unit{}) : Done(qapi::QmpError(result.error()));
}

OnOffAuto ToAllowOther(std::optional<qapi::FuseExportAllowOther> value) {
  switch (value.value_or(qapi::FuseExportAllowOther::kAuto)) {
    case qapi::FuseExportAllowOther::kAuto:
      return OnOffAuto::kAuto;
    case qapi::FuseExportAllowOther::kOn:
      return OnOffAuto::kOn;
    case qapi::FuseExportAllowOther::kOff:
      return OnOffAuto::kOff;
  }
  FB_ASSERT(false);
}

ExportCache ToCache(std::optional<qapi::FuseExportCache> value) {
  switch (value.value_or(qapi::FuseExportCache::kAuto)) {
    case qapi::FuseExportCache::kAuto:
      return ExportCache::kAuto;
    case qapi::FuseExportCache::kNone:
      return ExportCache::kNone;
    case qapi::FuseExportCache::kWriteback:
      return ExportCache::kWriteback;
  }
  FB_ASSERT(false);
}

Result<std::vector<std::string>, Error> ToNames(const qapi::BlockExportIothreads& iothreads) {
  if (const auto* const name = std::get_if<std::string>(&iothreads.value)) {
    return std::vector<std::string>{*name};
  }
  const auto& names = std::get<std::vector<std::string>>(iothreads.value);
  if (names.empty()) {
    return Error{Errno{EINVAL}, "The set of iothreads must not be empty"};
  }
  return names;
}

}  // namespace

// fixed-iothread has nothing to say here: an export is always served by the threads that it asks
// for.
Result<ExportRequest, Error> ToExportRequest(const qapi::BlockExportOptions& options) {
  const auto* const fuse = std::get_if<qapi::BlockExportOptionsFuse>(&options.u);
  FB_ASSERT(fuse != nullptr);
  ExportRequest request;
  FuseExportOptions& out = request.options;
  out.id = options.id;
  out.node_name = options.node_name;
  out.mountpoint = fuse->mountpoint;
  out.writable = options.writable.value_or(false);
  out.growable = out.writable && fuse->growable.value_or(false);
  out.writethrough = options.writethrough.value_or(false);
  out.allow_other = ToAllowOther(fuse->allow_other);
  out.cache = ToCache(fuse->cache);
  if (options.iothread.has_value()) {
    FB_ASSIGN(request.iothreads, ToNames(*options.iothread));
  }
  return request;
}

void ExportCommands::AddTo(qapi::QmpCommands& commands) {
  using qapi::QmpSession;
  commands.Add<qapi::BlockExportAddCommand>(
      [this](auto options, QmpSession&) { return Add(std::move(options)); });
  commands.Add<qapi::BlockExportDelCommand>(
      [this](auto arguments, QmpSession&) { return Delete(std::move(arguments)); });
  commands.Add<qapi::QueryBlockExportsCommand>([this](Unit, QmpSession&) {
    return Task<Result<std::vector<qapi::BlockExportInfo>, qapi::QmpError>>(All());
  });
}

ExportCommands::Reply ExportCommands::Add(qapi::BlockExportOptions options) {
  CO_ASSIGN(ExportRequest request, ToExportRequest(options));
  const Result<Unit, Error> added =
      co_await adder_.Add(std::move(request.options), std::move(request.iothreads));
  co_return ToReply(added);
}

ExportCommands::Reply ExportCommands::Delete(qapi::BlockExportDelArguments arguments) {
  const RemoveMode mode =
      arguments.mode == qapi::BlockExportRemoveMode::kHard ? RemoveMode::kHard : RemoveMode::kSafe;
  const Result<Unit, Error> removed = co_await exports_.Remove(arguments.id, mode);
  co_return ToReply(removed);
}

std::vector<qapi::BlockExportInfo> ExportCommands::All() const {
  std::vector<qapi::BlockExportInfo> list;
  for (const ExportInfo& info : exports_.Query()) {
    FB_ASSERT(info.type == qapi::EnumName(qapi::BlockExportType::kFuse));
    list.push_back({.id = info.id,
                    .type = qapi::BlockExportType::kFuse,
                    .node_name = info.node_name,
                    .shutting_down = info.shutting_down});
  }
  return list;
}

}  // namespace fusebay
