// Exports: every export of the process by its id. Names, rules and messages are those of QEMU's
// block-export-add, block-export-del and query-block-exports.
//
// Control loop. An export goes away when it is removed, or when its user unmounts the file.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/scope.h"
#include "export/export.h"
#include "export/fuse_export.h"

namespace fusebay {

class ExportsObserver {
 public:
  virtual ~ExportsObserver() = default;
  // The export is gone, whoever ended it, and its node is free: BLOCK_EXPORT_DELETED.
  virtual void OnExportDeleted(const std::string& id) = 0;
};

struct ExportInfo {
  std::string id;
  std::string type;
  std::string node_name;  // now: a live snapshot changes it
  bool shutting_down = false;
};

enum class RemoveMode : std::uint8_t {
  kSafe,  // refused while clients have it open
  kHard,  // their files fail from then on
};

class Exports {
 public:
  explicit Exports(BlockGraph& graph) : graph_(graph), fuse_(graph) {}
  Exports(const Exports&) = delete;
  Exports& operator=(const Exports&) = delete;
  ~Exports();  // REQUIRES: StopAll has returned.

  void SetObserver(ExportsObserver* observer) { observer_ = observer; }

  // What can be said before loops are looked for: "Invalid block export id"; "Block export id 'X'
  // is already in use"; what FuseExports::Create says of the node; "Exports are shutting down".
  Result<Unit, Error> Check(const FuseExportOptions& options) const;
  // Mounts it; clients may use it when this returns. `loops` serve it; they outlive the export.
  // Errors: those of Check, and of Export::Start.
  Task<Result<Unit, Error>> Add(const FuseExportOptions& options,
                                std::span<AioContext* const> loops);
  // Returns when it is gone; the observer has been told. "Export 'X' is not found"; "Export 'X' is
  // already shutting down"; in mode safe "export 'X' still in use". A flush that fails at the end
  // is an error, too, and then the export is gone all the same.
  Task<Result<Unit, Error>> Remove(std::string_view id, RemoveMode mode);
  // Ends all of them, hard, also those that are starting. None is added from then on. The first
  // error of a flush.
  Task<Result<Unit, Error>> StopAll();

  std::vector<ExportInfo> Query() const;  // the newest first
  // Waits until every client has been told of changes of sizes and data that were made before, so
  // that it sees them at once. After ResizeNode and the like.
  Task<Unit> SettleClients();

 private:
  struct Item {
    std::string id;
    std::unique_ptr<Export> exported;
    CoEvent settled;  // it has started, or it has not
    bool stopping = false;
    Result<> flushed = Ok();
    CoEvent gone;
    bool is_starting() const { return !settled.is_set(); }
  };
  Item* Find(std::string_view id) const;
  Task<Unit> AwaitRelease(const Item& item);
  void BeginStop(const std::shared_ptr<Item>& item);
  Task<Unit> Stop(std::shared_ptr<Item> item);

  BlockGraph& graph_;
  FuseExports fuse_;
  ExportsObserver* observer_ = nullptr;
  // Shared with the task that stops it and with whoever waits for that.
  std::vector<std::shared_ptr<Item>> items_;
  TaskScope stopping_;
  bool closing_ = false;  // StopAll was called
};

}  // namespace fusebay
