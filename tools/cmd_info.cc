// `fusebay info`: what is known about an image.
#include "info_run.h"

namespace fusebay {

const Subcommand kInfoCommand = {
    "info",        kInfoSummary,
    kInfoOperands, kInfoDetails,
    InfoOptions,   [](const ParsedArguments& arguments) { return RunInfo("info", arguments); },
};

}  // namespace fusebay
