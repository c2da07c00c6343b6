// What a chardev is to be: from the text of --chardev, and from the arguments of chardev-add.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "qapi/chardev.h"
#include "qapi/generated/types.h"

namespace fusebay::qapi {

namespace {

Error Invalid(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

struct Part {
  std::string key;
  std::string value;
  bool used = false;
};

// The text of one --chardev: the old flat form, which knows no dotted keys but bare words.
class Parts {
 public:
  explicit Parts(std::string_view text);

  // Nothing: there is none. The last of several counts.
  std::optional<std::string> Text(std::string_view key);
  Result<bool, Error> Flag(std::string_view key, bool otherwise);
  Result<std::optional<bool>, Error> OptionalFlag(std::string_view key);
  Result<unsigned, Error> Number(std::string_view key);
  // Something was given that nobody asked for.
  Result<Unit, Error> CheckAllUsed() const;

 private:
  void AddPart(std::string part, bool first);

  std::vector<Part> parts_;
};

Parts::Parts(std::string_view text) {
  std::string part;
  bool first = true;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const bool end = i == text.size();
    if (!end && text[i] == ',' && i + 1 < text.size() && text[i + 1] == ',') {
      part += ',';
      ++i;
    } else if (end || text[i] == ',') {
      AddPart(std::exchange(part, {}), std::exchange(first, false));
    } else {
      part += text[i];
    }
  }
}

void Parts::AddPart(std::string part, bool first) {
  const std::size_t equals = part.find('=');
  if (equals != std::string::npos) {
    parts_.push_back({part.substr(0, equals), part.substr(equals + 1)});
  } else if (first) {
    parts_.push_back({"backend", std::move(part)});
  } else if (part.starts_with("no") && part != "nodelay") {
    parts_.push_back({part.substr(2), "off"});
  } else if (!part.empty()) {
    parts_.push_back({std::move(part), "on"});
  }
}

std::optional<std::string> Parts::Text(std::string_view key) {
  std::optional<std::string> value;
  for (Part& part : parts_) {
    if (part.key == key) {
      part.used = true;
      value = part.value;
    }
  }
  return value;
}

Result<bool, Error> Parts::Flag(std::string_view key, bool otherwise) {
  FB_ASSIGN(const std::optional<bool> flag, OptionalFlag(key));
  return flag.value_or(otherwise);
}

Result<std::optional<bool>, Error> Parts::OptionalFlag(std::string_view key) {
  const std::optional<std::string> text = Text(key);
  if (!text.has_value()) {
    return std::optional<bool>();
  }
  if (*text == "on" || *text == "yes" || *text == "true" || *text == "y") {
    return std::optional<bool>(true);
  }
  if (*text == "off" || *text == "no" || *text == "false" || *text == "n") {
    return std::optional<bool>(false);
  }
  return Invalid(fmt::format("Parameter '{}' expects 'on' or 'off'", key));
}

Result<unsigned, Error> Parts::Number(std::string_view key) {
  const std::string text = Text(key).value_or("0");
  unsigned value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) {
    return Invalid(fmt::format("Parameter '{}' expects a number", key));
  }
  return value;
}

Result<Unit, Error> Parts::CheckAllUsed() const {
  constexpr std::string_view kElsewhere[] = {
      "telnet",    "tn3270", "websocket", "tls-creds", "tls-authz", "mux",       "logfile",
      "logappend", "to",     "delay",     "size",      "debug",     "localaddr", "localport"};
  for (const Part& part : parts_) {
    if (part.used) {
      continue;
    }
    if (std::find(std::begin(kElsewhere), std::end(kElsewhere), part.key) == std::end(kElsewhere)) {
      return Invalid(fmt::format("Invalid parameter '{}'", part.key));
    }
    if (part.value != "off") {
      return Invalid(fmt::format("chardev: parameter '{}' is not supported", part.key));
    }
  }
  return Unit{};
}

bool IsIdentifier(std::string_view id) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto other = [](char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  return !id.empty() && letter(id.front()) &&
         std::all_of(id.begin(), id.end(), [&](char c) { return letter(c) || other(c); });
}

Result<SocketPlace, Error> ParseUnix(Parts& parts, std::string path) {
  UnixPlace place;
  place.path = std::move(path);
  FB_ASSIGN(place.abstract, parts.Flag("abstract", false));
  FB_ASSIGN(place.tight, parts.Flag("tight", true));
  return SocketPlace(std::move(place));
}

Result<SocketPlace, Error> ParseInet(Parts& parts, std::string host) {
  InetPlace place;
  place.host = std::move(host);
  std::optional<std::string> port = parts.Text("port");
  if (!port.has_value()) {
    return Invalid("chardev: socket: no port given");
  }
  place.port = std::move(*port);
  FB_ASSIGN(place.ipv4, parts.OptionalFlag("ipv4"));
  FB_ASSIGN(place.ipv6, parts.OptionalFlag("ipv6"));
  return SocketPlace(std::move(place));
}

Result<SocketPlace, Error> ParseFd(const std::string& text) {
  FdPlace place;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), place.fd);
  if (code != std::errc() || end != text.data() + text.size() || place.fd < 0) {
    return Invalid(fmt::format("Unable to parse FD number {}", text));
  }
  return SocketPlace(place);
}

Result<SocketPlace, Error> ParsePlace(Parts& parts) {
  const std::optional<std::string> path = parts.Text("path");
  const std::optional<std::string> host = parts.Text("host");
  const std::optional<std::string> fd = parts.Text("fd");
  if (path.has_value() + host.has_value() + fd.has_value() != 1) {
    return Invalid("chardev: socket: one of 'path', 'fd' or 'host' is required");
  }
  if (path.has_value()) {
    return ParseUnix(parts, *path);
  }
  return host.has_value() ? ParseInet(parts, *host) : ParseFd(*fd);
}

// `wait_given`: whether the user spoke of waiting at all.
Result<Unit, Error> CheckSocket(const SocketChardevConfig& config, bool wait_given) {
  if (!config.server && wait_given) {
    return Invalid("'wait' option is incompatible with socket in client connect mode");
  }
  if (config.server && config.reconnect_s != 0) {
    return Invalid("'reconnect' option is incompatible with socket in server listen mode");
  }
  if (config.reconnect_s != 0 && std::holds_alternative<FdPlace>(config.place)) {
    return Invalid("'reconnect' option is incompatible with 'fd'");
  }
  return Unit{};
}

Result<ChardevBackendConfig, Error> ParseSocket(Parts& parts) {
  SocketChardevConfig config;
  FB_ASSIGN(config.place, ParsePlace(parts));
  FB_ASSIGN(config.server, parts.Flag("server", false));
  FB_ASSIGN(const std::optional<bool> wait, parts.OptionalFlag("wait"));
  config.wait = config.server && wait.value_or(true);
  FB_ASSIGN(config.nodelay, parts.Flag("nodelay", false));
  FB_ASSIGN(config.reconnect_s, parts.Number("reconnect"));
  FB_TRY(CheckSocket(config, wait.has_value()));
  return ChardevBackendConfig(std::move(config));
}

Result<ChardevBackendConfig, Error> ParseFile(Parts& parts) {
  FileChardevConfig config;
  const std::optional<std::string> path = parts.Text("path");
  if (!path.has_value()) {
    return Invalid("chardev: file: no filename given");
  }
  config.out = *path;
  config.in = parts.Text("input-path");
  FB_ASSIGN(config.append, parts.Flag("append", false));
  return ChardevBackendConfig(std::move(config));
}

Result<ChardevBackendConfig, Error> ParseStdio(Parts& parts) {
  FB_ASSIGN(const bool signal, parts.Flag("signal", true));
  if (!signal) {
    return Invalid("chardev: stdio: parameter 'signal' is not supported");
  }
  return ChardevBackendConfig(StdioChardevConfig{});
}

Result<ChardevBackendConfig, Error> ParseBackend(Parts& parts, const std::string& name) {
  if (name == "socket") {
    return ParseSocket(parts);
  }
  if (name == "file") {
    return ParseFile(parts);
  }
  if (name == "stdio") {
    return ParseStdio(parts);
  }
  if (name == "null") {
    return ChardevBackendConfig(NullChardevConfig{});
  }
  return Invalid(fmt::format("'{}' is not a valid char driver name", name));
}

Result<SocketPlace, Error> PlaceOf(const SocketAddressLegacy& address) {
  switch (address.type) {
    case SocketAddressType::kInet: {
      const InetSocketAddress& inet = std::get<InetSocketAddressWrapper>(address.u).data;
      return SocketPlace(InetPlace{inet.host, inet.port, inet.ipv4, inet.ipv6});
    }
    case SocketAddressType::kUnix: {
      const UnixSocketAddress& local = std::get<UnixSocketAddressWrapper>(address.u).data;
      return SocketPlace(
          UnixPlace{local.path, local.abstract.value_or(false), local.tight.value_or(true)});
    }
    case SocketAddressType::kFd:
      return Invalid("only the command line may pass file descriptors");
  }
  FB_ASSERT(false);
}

Result<ChardevBackendConfig, Error> SocketConfigOf(const ChardevSocket& socket) {
  SocketChardevConfig config;
  FB_ASSIGN(config.place, PlaceOf(socket.addr));
  config.nodelay = socket.nodelay.value_or(false);
  config.server = socket.server.value_or(true);
  if (config.server && socket.wait.value_or(false)) {
    return Invalid("Parameter 'wait': only the command line may wait; here all monitors would");
  }
  const std::int64_t reconnect = socket.reconnect.value_or(0);
  if (reconnect < 0 || reconnect > std::numeric_limits<int>::max()) {
    return Invalid("Parameter 'reconnect' is out of range");
  }
  config.reconnect_s = static_cast<unsigned>(reconnect);
  FB_TRY(CheckSocket(config, socket.wait.has_value()));
  return ChardevBackendConfig(std::move(config));
}

}  // namespace

Result<ChardevConfig, Error> ParseChardevOption(std::string_view text) {
  Parts parts(text);
  ChardevConfig config;
  const std::optional<std::string> id = parts.Text("id");
  if (!id.has_value()) {
    return Invalid("chardev: no id specified");
  }
  if (!IsIdentifier(*id)) {
    return Invalid("Parameter 'id' expects an identifier");
  }
  const std::optional<std::string> backend = parts.Text("backend");
  if (!backend.has_value()) {
    return Invalid(fmt::format("chardev: \"{}\" missing backend", *id));
  }
  config.id = *id;
  FB_ASSIGN(config.backend, ParseBackend(parts, *backend));
  FB_TRY(parts.CheckAllUsed());
  return config;
}

Result<ChardevConfig, Error> ChardevConfigOf(std::string id, const ChardevBackend& backend) {
  switch (backend.type) {
    case ChardevBackendKind::kFile: {
      const ChardevFile& file = std::get<ChardevFileWrapper>(backend.u).data;
      return ChardevConfig{std::move(id),
                           FileChardevConfig{file.out, file.in, file.append.value_or(false)}};
    }
    case ChardevBackendKind::kSocket: {
      FB_ASSIGN(ChardevBackendConfig config,
                SocketConfigOf(std::get<ChardevSocketWrapper>(backend.u).data));
      return ChardevConfig{std::move(id), std::move(config)};
    }
    case ChardevBackendKind::kNull:
      return ChardevConfig{std::move(id), NullChardevConfig{}};
    case ChardevBackendKind::kStdio:
      if (!std::get<ChardevStdioWrapper>(backend.u).data.signal.value_or(true)) {
        return Invalid("Parameter 'signal' is not supported");
      }
      return ChardevConfig{std::move(id), StdioChardevConfig{}};
  }
  FB_ASSERT(false);
  return Invalid("");
}

}  // namespace fusebay::qapi
