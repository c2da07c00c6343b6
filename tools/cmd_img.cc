// `fusebay img`: the table of its subcommands.
#include <array>

#include "img.h"

namespace fusebay {

namespace {

constexpr std::array kCommands = {&kImgCheckCommand, &kImgCommitCommand, &kImgCreateCommand,
                                  &kImgInfoCommand,  &kImgMapCommand,    &kImgResizeCommand};

}  // namespace

const Subcommand kImgCommand = {
    "img",
    "create, examine and change image files",
    "COMMAND [OPTION]... FILE...",
    "Works on image files as qemu-img does: the commands, their options and what they print are\n"
    "those of qemu-img, where it has them.",
    [] { return std::span<const OptionSpec>(); },
    nullptr,
    [] { return std::span<const Subcommand* const>(kCommands); },
};

}  // namespace fusebay
