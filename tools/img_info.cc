// `fusebay img info`: what is known about an image.
#include "img.h"
#include "info_run.h"

namespace fusebay {

const Subcommand kImgInfoCommand = {
    "info",        kInfoSummary,
    kInfoOperands, kInfoDetails,
    InfoOptions,   [](const ParsedArguments& arguments) { return RunInfo("img info", arguments); },
};

}  // namespace fusebay
