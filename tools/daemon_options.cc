// Reads the command line of the daemon; what options make is daemon.cc's matter.
#include "daemon_options.h"

#include <fmt/format.h>

#include <array>

#include "daemon_objects.h"
#include "qapi/keyval.h"

namespace fusebay {

namespace {

constexpr std::array kSpecs = {
    OptionSpec{"blockdev", 0, "[driver=]DRIVER,...", "Open a node, as blockdev-add does",
               OptionValue::kRequired},
    OptionSpec{"export", 0, "[type=]fuse,...", "Export a node, as block-export-add does",
               OptionValue::kRequired},
    OptionSpec{"object", 0, "[qom-type=]TYPE,...",
               "Make an object, as object-add does; help shows the types", OptionValue::kRequired},
    OptionSpec{"chardev", 0, "BACKEND,id=ID,...",
               "Make a character device; help shows the backends", OptionValue::kRequired},
    OptionSpec{"monitor", 0, "[chardev=]ID[,pretty=on]", "Speak QMP on a character device",
               OptionValue::kRequired},
    OptionSpec{"pidfile", 0, "PATH", "Write the process id there when everything is ready",
               OptionValue::kRequired},
    OptionSpec{"daemonize", 0, "", "Return when everything is ready, and serve in the background"},
    OptionSpec{"nbd-server", 0, "...", "Refused: fusebay has no NBD server",
               OptionValue::kRequired},
    OptionSpec{"trace", 'T', "...", "Refused: fusebay has no trace points", OptionValue::kRequired},
};

Error Invalid(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

Error Refusal(const DaemonStep& step, std::string_view message) {
  return Invalid(fmt::format("{}: {}", step.Name(), message));
}

// --chardev has a syntax of its own, in which help is a word like others.
bool AsksForBackends(std::string_view text) {
  return text == "help" || text == "?" || text.ends_with(",help") || text.ends_with(",?");
}

std::string DescribeBackends() {
  return "Available chardev backend types:\n  file\n  null\n  socket\n  stdio\n";
}

// The text to show for an option that asks for help; "" for one that does not.
Result<std::string, Error> HelpFor(const DaemonStep& step) {
  if (step.option == "chardev") {
    return AsksForBackends(step.text) ? DescribeBackends() : std::string();
  }
  const auto parsed = qapi::ParseOptionText(step.text, step.option == "object" ? "qom-type" : "x");
  if (!parsed.ok() || !parsed->help) {
    return std::string();  // what is wrong is said when the option's turn comes
  }
  if (step.option != "object") {
    return Refusal(step, "Help is not available for this option");
  }
  const qapi::JsonValue* const type = parsed->value.AsDict()->Find("qom-type");
  if (type == nullptr) {
    return DescribeObjectTypes();
  }
  qapi::InputVisitor visitor(*type, qapi::VisitForm::kKeyval);
  qapi::ObjectType known{};
  if (!VisitValue(visitor, "qom-type", known)) {
    return Refusal(step, visitor.error().message);
  }
  return DescribeObjectType(known);
}

}  // namespace

std::span<const OptionSpec> DaemonOptionSpecs() { return kSpecs; }

Result<DaemonRequest, Error> ParseDaemonArguments(const ParsedArguments& arguments) {
  DaemonRequest request;
  for (const ParsedOption& option : arguments.options) {
    const std::string_view name = option.spec->name;
    if (name == "daemonize") {
      request.daemonize = true;
      continue;
    }
    if (name == "pidfile") {
      request.pid_file = option.value;
      continue;
    }
    const DaemonStep step{name, option.value.value_or("")};
    if (name == "nbd-server") {
      return Refusal(step, "fusebay has no NBD server; it exports nodes as files (--export fuse)");
    }
    if (name == "trace") {
      return Refusal(step, "fusebay has no trace points; query-blockstats shows what it does");
    }
    FB_ASSIGN(const std::string help, HelpFor(step));
    request.help += help;
    request.steps.push_back(step);
  }
  if (!arguments.operands.empty()) {
    return Invalid(fmt::format("{}: Unexpected argument", arguments.operands.front()));
  }
  return request;
}

}  // namespace fusebay
