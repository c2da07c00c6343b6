// The subcommands of `fusebay img`, each in a file of its own: img_NAME.cc.
//
// They are rows like those of the program's table. `name` is the last word ("check"); messages to
// the user name the whole command: PrintError("img check", ...).
#pragma once
#include "subcommand.h"

namespace fusebay {

extern const Subcommand kImgCheckCommand;
extern const Subcommand kImgCommitCommand;
extern const Subcommand kImgCreateCommand;
extern const Subcommand kImgInfoCommand;
extern const Subcommand kImgMapCommand;
extern const Subcommand kImgResizeCommand;

}  // namespace fusebay
