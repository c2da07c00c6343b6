// Chardevs: where monitors get their connections from. QEMU's names and options.
//
//   Chardevs chardevs;                                       // outlives the monitors
//   Result<ChardevConfig, Error> config = ParseChardevOption("socket,id=q,path=q.sock,server=on");
//   const Result<Unit, Error> added = co_await chardevs.Add(std::move(*config));
//   AddChardevCommands(commands, chardevs);                  // chardev-add and the others
//
// A chardev is opened when it is added: a server listens, a client connects. With wait=on Add
// returns when the first client is there. Whoever uses a chardev takes it (one user) and asks for
// links, one after the other. A server gives any number of links, up to kMaxLinks at once; further
// clients wait in the kernel's queue. Everything else gives one at a time.
//
// Everything here belongs to the main loop's thread, and runs inside the loop.
#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "core/clock.h"
#include "core/task.h"

namespace fusebay::qapi {

struct ChardevBackend;  // "qapi/generated/types.h"
struct ChardevInfo;
class QmpCommands;

struct UnixPlace {
  std::string path;
  bool abstract = false;  // a name without a file
  bool tight = true;      // an abstract name that ends with its last character
};

struct InetPlace {
  std::string host;  // empty: every address
  std::string port;  // a number or a service
  std::optional<bool> ipv4;
  std::optional<bool> ipv6;
};

// A socket that the process inherited. Whoever opens the chardev owns it from then on.
struct FdPlace {
  int fd = -1;
};

using SocketPlace = std::variant<UnixPlace, InetPlace, FdPlace>;

struct SocketChardevConfig {
  SocketPlace place;
  bool server = false;
  bool wait = false;         // a server's Add waits for the first client
  bool nodelay = false;      // of TCP
  unsigned reconnect_s = 0;  // a client tries again so often; 0: never
};

struct FileChardevConfig {
  std::string out;
  std::optional<std::string> in;  // nothing: there is nothing to read
  bool append = false;
};

struct StdioChardevConfig {};
struct NullChardevConfig {};

using ChardevBackendConfig =
    std::variant<SocketChardevConfig, FileChardevConfig, StdioChardevConfig, NullChardevConfig>;

struct ChardevConfig {
  std::string id;
  ChardevBackendConfig backend;
};

// The argument of --chardev: "BACKEND,id=ID,KEY=VALUE...". A key alone is KEY=on, noKEY is KEY=off.
// Options that QEMU has and fusebay has not are refused by name, unless they are off.
Result<ChardevConfig, Error> ParseChardevOption(std::string_view text);
// The same of chardev-add's arguments. Errors: "only the command line may pass file descriptors".
Result<ChardevConfig, Error> ChardevConfigOf(std::string id, const ChardevBackend& backend);

// For clients: connects, which may take some seconds, but not longer than until `deadline`
// (ETIMEDOUT). Not inside a loop.
Result<UniqueFd, Error> ConnectSocket(const SocketPlace& place,
                                      std::optional<Clock::time_point> deadline = {});

// A stream of bytes from somebody and to them.
struct ByteLink {
  UniqueFd input;
  UniqueFd own_output;  // not valid: input is for both directions

  int output() const { return own_output ? own_output.get() : input.get(); }
};

class Chardev {
 public:
  static constexpr std::size_t kMaxLinks = 64;

  explicit Chardev(std::string id) : id_(std::move(id)) {}
  Chardev(const Chardev&) = delete;
  Chardev& operator=(const Chardev&) = delete;
  virtual ~Chardev() = default;

  const std::string& id() const { return id_; }
  // Called once, first.
  virtual Task<Result<Unit, Error>> Open() = 0;
  // The next link; nothing if there will be none. REQUIRES: fewer than max_links() are in use, and
  // no other call waits.
  virtual Task<std::optional<ByteLink>> NextLink() = 0;
  // Ends an Open or NextLink that waits, and all later ones.
  virtual void Stop() {}
  // Stops, and gives up the socket that it listens at, with its file. REQUIRES: no Open or NextLink
  // waits any more, or the process ends now.
  virtual void Close() { Stop(); }
  virtual std::size_t max_links() const { return 1; }
  // As query-chardev shows it.
  virtual std::string filename() const = 0;

  // For the user to tell when it has one more link and when one less.
  void LinkOpened() { ++links_; }
  void LinkClosed() {
    FB_ASSERT(links_ > 0);
    --links_;
  }
  std::size_t links() const { return links_; }

 private:
  const std::string id_;
  std::size_t links_ = 0;
};

class Chardevs {
 public:
  Chardevs() = default;
  Chardevs(const Chardevs&) = delete;
  Chardevs& operator=(const Chardevs&) = delete;
  ~Chardevs();

  // Opens it. Errors: "Chardev with id 'x' already exists", that another one has the descriptor,
  // and why it cannot be opened.
  Task<Result<Unit, Error>> Add(ChardevConfig config);
  // Errors: "Chardev 'x' not found", "Chardev 'x' is busy".
  Result<Unit, Error> Remove(std::string_view id);
  // For a user: it is the only one from then on. Errors: `chardev "x" not found`, "Device 'x' is in
  // use". Valid until Release.
  Result<Chardev*, Error> Take(std::string_view id);
  void Release(Chardev& chardev);
  bool Has(std::string_view id) const { return entries_.contains(id); }
  std::vector<ChardevInfo> List() const;
  // Ends what waits (Add with wait=on), so that the daemon can end.
  void Stop();
  // Nobody can connect any more, and another process may listen at the same places. REQUIRES: as
  // Chardev::Close.
  void Close();

 private:
  struct Entry {
    std::unique_ptr<Chardev> chardev;
    bool uses_stdio = false;
    int inherited_fd = -1;  // owned by the chardev, open or not
    bool is_open = false;
    bool used = false;  // taken, or being opened
  };

  Task<Result<Unit, Error>> Open(Entry& entry);
  Result<Unit, Error> Claim(const ChardevConfig& config, Entry& entry);

  std::map<std::string, Entry, std::less<>> entries_;
  bool stopped_ = false;
};

// chardev-add, chardev-change, chardev-remove, query-chardev and query-chardev-backends. The
// chardevs outlive the commands.
void AddChardevCommands(QmpCommands& commands, Chardevs& chardevs);

}  // namespace fusebay::qapi
