// Answers QMP on standard input and output as a daemon does whose commands all fail, or parses the
// options that are lines of standard input; for comparing with QEMU's daemon.
//
// usage: qmp_replay qmp | qmp_replay TYPE IMPLIED_KEY
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "qapi/generated/types.h"
#include "qapi/json_stream.h"
#include "qapi/qmp.h"
#include "qmp_stub.h"

namespace fusebay::qapi {

namespace {

void Print(const JsonValue& value) { std::cout << FormatJson(value) << "\n" << std::flush; }

int ReplayQmp() {
  QmpCommands commands;
  AddAllCommands(commands);
  QmpSession session;
  JsonStream stream;
  Print(Greeting(StubVersion(), session));
  std::string buffer(4096, '\0');
  ssize_t length = 0;
  while ((length = ::read(0, buffer.data(), buffer.size())) > 0) {
    auto items = stream.Feed(std::string_view(buffer).substr(0, static_cast<std::size_t>(length)));
    for (auto& item : items) {
      Print(item.ok() ? RunNow(Dispatch(commands, session, std::move(*item)))
                      : ParseErrorReply(item.error()));
    }
  }
  return 0;
}

template <class T>
std::string Parse(const std::string& line, const std::string& implied_key) {
  const Result<OptionText, Error> option = ParseOptionText(line, implied_key);
  if (option.ok() && option->help) {
    return "help";
  }
  const Result<T, Error> result = FromOption<T>(line, implied_key);
  return result.ok() ? "ok" : result.error().message;
}

int ReplayOptions(const std::string& type, const std::string& implied_key) {
  for (std::string line; std::getline(std::cin, line);) {
    if (type == "blockdev") {
      std::cout << Parse<BlockdevOptions>(line, implied_key) << "\n";
    } else if (type == "export") {
      std::cout << Parse<BlockExportOptions>(line, implied_key) << "\n";
    } else if (type == "object") {
      std::cout << Parse<ObjectOptions>(line, implied_key) << "\n";
    } else {
      return 2;
    }
  }
  return 0;
}

}  // namespace

}  // namespace fusebay::qapi

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && arguments[0] == "qmp") {
    return fusebay::qapi::ReplayQmp();
  }
  return arguments.size() == 2 ? fusebay::qapi::ReplayOptions(arguments[0], arguments[1]) : 2;
}
