// `fusebay img check`: looks for damage in an image, and repairs it.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <string>

#include "base/units.h"
#include "block/check_image.h"
#include "check_render.h"
#include "command_loop.h"
#include "img.h"
#include "output_format.h"
#include "progress_bar.h"

namespace fusebay {

namespace {

constexpr std::string_view kName = "img check";
constexpr int kExitNoChecks = 63;

constexpr std::array kSpecs = {
    OptionSpec{"format", 'f', "FORMAT", "qcow2 (guessed by content)", OptionValue::kRequired},
    OptionSpec{"output", 0, "FORMAT", "human or json (human)", OptionValue::kRequired},
    OptionSpec{"repair", 'r', "WHAT", "Repair leaks or all", OptionValue::kRequired},
    OptionSpec{"force-share", 'U', "", "Look even if the image is being written"},
    OptionSpec{"progress", 'p', "", "Show the progress even where there is no terminal"},
    OptionSpec{"quiet", 'q', "", "Print nothing but errors"},
};

struct Request {
  CheckRequest check;
  OutputFormat output = OutputFormat::kHuman;
  ProgressBar::When progress = ProgressBar::When::kOnTerminal;
  bool quiet = false;
};

Error Usage(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

Result<CheckFix, Error> ParseFix(const ParsedArguments& arguments) {
  const std::string* const what = arguments.Value("repair");
  if (what == nullptr) {
    return CheckFix::kNone;
  }
  if (*what == "leaks") {
    return CheckFix::kLeaks;
  }
  if (*what == "all") {
    return CheckFix::kAll;
  }
  return Usage(fmt::format("Unknown option value for -r (expecting 'leaks' or 'all'): {}", *what));
}

Result<Request, Error> Parse(const ParsedArguments& arguments) {
  if (arguments.operands.size() != 1 || arguments.operands.front().empty()) {
    return Usage("Expecting one image file name");
  }
  Request request;
  request.check.filename = arguments.operands.front();
  if (const std::string* const format = arguments.Value("format"); format != nullptr) {
    if (*format != "raw" && *format != "qcow2") {
      return Usage(fmt::format("Unknown file format '{}' (raw or qcow2)", *format));
    }
    request.check.format = *format;
  }
  FB_ASSIGN(request.check.fix, ParseFix(arguments));
  FB_ASSIGN(request.output, ParseOutputFormat(arguments));
  if (arguments.Has("force-share")) {
    if (request.check.fix != CheckFix::kNone) {
      return Usage("force-share can only be used without -r");
    }
    request.check.locking = OnOffAuto::kOff;
  }
  request.quiet = arguments.Has("quiet");
  if (request.quiet) {
    request.progress = ProgressBar::When::kNever;
  } else if (arguments.Has("progress")) {
    request.progress = ProgressBar::When::kAlways;
  }
  return request;
}

// Prints what the check says while it goes on; a badly damaged image has millions of lines.
class Printer : public CheckObserver {
 public:
  explicit Printer(const Request& request)
      : request_(request), progress_(request.progress, stderr) {}

  void OnMessage(std::string_view line) override {
    lines_.append(line).append("\n");
    if (lines_.size() > kMaxPending) {
      PrintLines();
    }
  }
  void OnProgress(std::uint64_t done_bytes, std::uint64_t total_bytes) override {
    PrintLines();
    progress_.Show(done_bytes, total_bytes);
  }
  void OnRepaired(const CheckResult& fixed) override {
    Finish();
    if (request_.output == OutputFormat::kHuman && !request_.quiet) {
      PrintOutput(kName, RenderRepaired(fixed));
    }
  }
  void Finish() {
    PrintLines();
    progress_.Hide();
  }

 private:
  static constexpr std::size_t kMaxPending = 64 * kKiB;

  void PrintLines() {
    if (!lines_.empty()) {
      progress_.Hide();
      std::fwrite(lines_.data(), 1, lines_.size(), stderr);
      lines_.clear();
    }
  }

  const Request& request_;
  ProgressBar progress_;
  std::string lines_;
};

Task<Result<CheckResult, Error>> Check(const Request& request, Printer& printer) {
  BlockGraph graph;
  Result<CheckResult, Error> result = co_await CheckImage(graph, request.check, printer);
  const Result<Unit, Error> closed = co_await graph.CloseAll();
  if (result.ok() && !closed.ok()) {
    co_return closed.error();
  }
  co_return result;
}

int Report(const Request& request, const CheckResult& result) {
  if (!request.quiet) {
    const int printed =
        PrintOutput(kName, request.output == OutputFormat::kJson
                               ? RenderCheckJson(result, request.check.filename, "qcow2")
                               : RenderCheckText(result));
    if (printed != kExitOk) {
      return printed;
    }
  }
  if (result.check_errors != 0) {
    PrintError(kName, "Check failed");
  }
  return CheckExitCode(result);
}

int Run(const ParsedArguments& arguments) {
  const Result<Request, Error> request = Parse(arguments);
  if (!request.ok()) {
    PrintUsageError(kName, request.error().message);
    return kExitFailure;
  }
  return RunOnLoop(kName, std::nullopt, [&](AioContext& loop) {
    Printer printer(*request);
    const auto result = loop.RunUntilDone(Check(*request, printer));
    printer.Finish();
    if (!result.ok()) {
      PrintError(kName, result.error().message);
      return result.error().code == Errno{ENOTSUP} ? kExitNoChecks : kExitFailure;
    }
    return Report(*request, *result);
  });
}

}  // namespace

const Subcommand kImgCheckCommand = {
    "check",
    "look for damage in an image, and repair it",
    "[OPTION]... FILE",
    "Compares what the tables of a qcow2 image say with each other. Exits with 0 if all is well, "
    "1\n"
    "if the check failed, 2 if the image is damaged, 3 if it only wastes space, and 63 if images\n"
    "of its format cannot be checked.",
    [] { return std::span<const OptionSpec>(kSpecs); },
    Run,
    nullptr,
    kExitFailure,
};

}  // namespace fusebay
