// `fusebay img create`: makes a new image.
#include <fmt/format.h>

#include <array>

#include "command_loop.h"
#include "create_image.h"
#include "create_options.h"
#include "img.h"
#include "values.h"

namespace fusebay {

namespace {

constexpr std::string_view kName = "img create";

constexpr std::array kSpecs = {
    OptionSpec{"format", 'f', "FORMAT", "raw or qcow2 (raw)", OptionValue::kRequired},
    OptionSpec{"backing", 'b', "FILE", "Image with what the new one does not have (qcow2)",
               OptionValue::kRequired},
    OptionSpec{"backing-format", 'F', "FORMAT", "Format of the backing file",
               OptionValue::kRequired},
    OptionSpec{"backing-unsafe", 'u', "", "Do not look at the backing file"},
    OptionSpec{"options", 'o', "LIST", "Options of the format: key=value,...; help: which ones",
               OptionValue::kRequired},
    OptionSpec{"quiet", 'q', "", "Print nothing but errors"},
};

struct Request {
  std::string filename;
  std::string format = "raw";
  CreateValues values;
  bool backing_unsafe = false;
  bool quiet = false;
};

Error Usage(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

Result<Unit, Error> ParseOperands(const std::vector<std::string>& operands, Request& request) {
  if (operands.empty() || operands.front().empty()) {
    return Usage("Expecting image file name");
  }
  if (operands.size() > 2) {
    return Usage(fmt::format("Unexpected argument: {}", operands[2]));
  }
  if (operands.size() == 2) {
    FB_ASSIGN(const std::uint64_t size, ParseImageSizeOf("image size", operands[1]));
    if (request.values.contains("size")) {
      return Usage("The image size must be specified only once");
    }
    request.values["size"] = fmt::format("{}", size);
  }
  return Unit{};
}

// -b and -F count more than the same in -o.
Result<Unit, Error> ParseBacking(const ParsedArguments& arguments, CreateValues& values,
                                 bool is_raw) {
  if (const std::string* const file = arguments.Value("backing")) {
    values["backing_file"] = *file;
  }
  if (const std::string* const format = arguments.Value("backing-format")) {
    values["backing_fmt"] = *format;
  }
  if (is_raw && values.contains("backing_file")) {
    return Usage("Backing file not supported for file format 'raw'");
  }
  if (is_raw && values.contains("backing_fmt")) {
    return Usage("Backing format not supported for file format 'raw'");
  }
  if (const auto it = values.find("backing_file"); it != values.end() && it->second.empty()) {
    return Usage("Expected backing file name, got empty string");
  }
  return Unit{};
}

Result<Unit, Error> CheckFormat(const ParsedArguments& arguments) {
  const std::string* const format = arguments.Value("format");
  if (format != nullptr && *format != "raw" && *format != "qcow2") {
    return Usage(fmt::format("Unknown file format '{}' (raw or qcow2)", *format));
  }
  return Unit{};
}

Result<Request, Error> Parse(const ParsedArguments& arguments) {
  FB_TRY(CheckFormat(arguments));
  Request request;
  if (const std::string* const format = arguments.Value("format")) {
    request.format = *format;
  }
  if (!arguments.operands.empty()) {
    request.filename = arguments.operands.front();
  }
  for (const ParsedOption& option : arguments.options) {
    if (option.spec->name == "options") {
      FB_TRY(ApplyCreateList(request.format, *option.value, request.values));
    }
  }
  FB_TRY(ParseBacking(arguments, request.values, request.format == "raw"));
  FB_TRY(ParseOperands(arguments.operands, request));
  request.backing_unsafe = arguments.Has("backing-unsafe");
  request.quiet = arguments.Has("quiet");
  return request;
}

// Opens the backing file, unless told not to, and takes the size from it if none was given.
Result<Unit, Error> UseBacking(AioContext& loop, Request& request) {
  CreateValues& values = request.values;
  const auto backing = values.find("backing_file");
  const auto format = values.find("backing_fmt");
  const bool has_format = format != values.end() && !format->second.empty();
  if (backing != values.end() && backing->second == request.filename) {
    return Usage("Error: Trying to create an image with the same filename as the backing file");
  }
  if (backing != values.end() && !request.backing_unsafe) {
    FB_ASSIGN(const BackingLook look,
              loop.RunUntilDone(LookAtBacking(request.filename, backing->second,
                                              has_format ? format->second : "")));
    if (!has_format) {
      return Usage(fmt::format(
          "Backing file specified without backing format\nDetected format of {}.", look.format));
    }
    CreateValues same_size{{"size", fmt::format("{}", look.size)}};
    values.try_emplace("size", fmt::format("{}", SizeOf(same_size)));
  }
  if (backing != values.end() && !has_format) {
    return Usage("Backing file specified without backing format");
  }
  if (!values.contains("size")) {
    return Usage("Image creation needs a size parameter");
  }
  return Unit{};
}

Result<CreateImageRequest, Error> ImageOf(const Request& request) {
  CreateImageRequest image{request.filename, request.format == "raw", {}, HintsOf(request.values)};
  if (image.is_raw) {
    image.options.size = SizeOf(request.values);
    FB_ASSIGN(image.options.preallocation, PreallocOf(request.values));
  } else {
    FB_ASSIGN(image.options, Qcow2OptionsOf(request.values));
  }
  return image;
}

Result<Unit, Error> Create(AioContext& loop, Request& request) {
  const auto named = [&request](const Error& error) {
    const bool is_named = error.message.starts_with(request.filename + ": ");
    return Error{error.code,
                 is_named ? error.message : fmt::format("{}: {}", request.filename, error.message)};
  };
  const Result<Unit, Error> backing = UseBacking(loop, request);
  if (!backing.ok()) {
    return named(backing.error());
  }
  const Result<CreateImageRequest, Error> image = ImageOf(request);
  if (!image.ok()) {
    return named(image.error());
  }
  if (!request.quiet) {
    const int printed =
        PrintOutput(kName, FormattingLine(request.filename, request.format, request.values));
    static_cast<void>(printed);  // the image is what was asked for
  }
  return CreateImage(loop, *image);
}

int PrintHelp(const ParsedArguments& arguments) {
  const std::string* const format = arguments.Value("format");
  return PrintOutput(kName, CreateOptionsHelp(format != nullptr ? *format : "raw"));
}

int Run(const ParsedArguments& arguments) {
  const std::string* const list = arguments.Value("options");
  if (list != nullptr && AsksForHelp(*list) && CheckFormat(arguments).ok()) {
    return PrintHelp(arguments);
  }
  auto request = Parse(arguments);
  if (!request.ok()) {
    return PrintUsageError(kName, request.error().message);
  }
  return RunOnLoop(kName, EngineKind::kThreads, [&](AioContext& loop) {
    const Result<Unit, Error> created = Create(loop, *request);
    if (!created.ok()) {
      PrintError(kName, created.error().message);
      return kExitFailure;
    }
    return kExitOk;
  });
}

}  // namespace

const Subcommand kImgCreateCommand = {
    "create",
    "make a new image",
    "[OPTION]... FILE [SIZE]",
    "Makes FILE a new image of SIZE bytes (with a suffix k, M, G, T, P or E: of 1024, ...). The\n"
    "size may be left out for an image with a backing file: then it has that one's. A file that\n"
    "exists is overwritten, unless it is in use. Options and messages are those of qemu-img.",
    [] { return std::span<const OptionSpec>(kSpecs); },
    Run,
};

}  // namespace fusebay
