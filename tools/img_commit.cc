// `fusebay img commit`: puts what an image has into its backing file.
#include <array>
#include <cstdio>

#include "block/commit_image.h"
#include "command_loop.h"
#include "img.h"
#include "progress_bar.h"

namespace fusebay {

namespace {

constexpr std::string_view kName = "img commit";

constexpr std::array kSpecs = {
    OptionSpec{"format", 'f', "FORMAT", "qcow2 (guessed by content)", OptionValue::kRequired},
    OptionSpec{"keep", 'd', "", "Do not empty the image afterwards"},
    OptionSpec{"progress", 'p', "", "Show the progress even where there is no terminal"},
    OptionSpec{"quiet", 'q', "", "Print nothing but errors"},
};

Task<Result<Unit, Error>> Commit(const CommitRequest& request) {
  BlockGraph graph;
  const Result<Unit, Error> committed = co_await CommitImage(graph, request);
  const Result<Unit, Error> closed = co_await graph.CloseAll();
  CO_TRY(committed);
  co_return closed;
}

ProgressBar::When WhenToShow(const ParsedArguments& arguments) {
  if (arguments.Has("quiet")) {
    return ProgressBar::When::kNever;
  }
  return arguments.Has("progress") ? ProgressBar::When::kAlways : ProgressBar::When::kOnTerminal;
}

int Run(const ParsedArguments& arguments) {
  if (arguments.operands.size() != 1 || arguments.operands.front().empty()) {
    static_cast<void>(PrintUsageError(kName, "Expecting one image file name"));
    return kExitFailure;
  }
  return RunOnLoop(kName, std::nullopt, [&](AioContext& loop) {
    ProgressBar bar(WhenToShow(arguments), stderr);
    CommitRequest request;
    request.filename = arguments.operands.front();
    if (const std::string* const format = arguments.Value("format")) {
      request.format = *format;
    }
    request.keep = arguments.Has("keep");
    request.progress = [&bar](std::uint64_t done, std::uint64_t total) { bar.Show(done, total); };
    const Result<Unit, Error> committed = loop.RunUntilDone(Commit(request));
    bar.Hide();
    if (!committed.ok()) {
      PrintError(kName, committed.error().message);
      return kExitFailure;
    }
    return arguments.Has("quiet") ? kExitOk : PrintOutput(kName, "Image committed.\n");
  });
}

}  // namespace

const Subcommand kImgCommitCommand = {
    "commit",
    "put what an image has into its backing file",
    "[OPTION]... FILE",
    "Copies what FILE has on top of its backing file into that one, which becomes larger if it "
    "has\n"
    "to, and then empties FILE. It can be stopped at any time, and done again.",
    [] { return std::span<const OptionSpec>(kSpecs); },
    Run,
    nullptr,
    kExitFailure,
};

}  // namespace fusebay
