// The options of a new image: `fusebay img create -o key=value,...`, by qemu-img's names.
//
// Everything here is a pure function of its arguments.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "block/new_file.h"
#include "block/qcow2_create.h"

namespace fusebay {

// Values by the names of the options, in the form in which they are shown: sizes in bytes, "on" and
// "off".
using CreateValues = std::map<std::string, std::string, std::less<>>;

// Adds what `list` says; the last value of an option counts. A comma in a value is written ",,"; a
// name alone means "on". Errors: "Invalid parameter 'x'", "Parameter 'x' expects ...".
Result<Unit, Error> ApplyCreateList(std::string_view format, std::string_view list,
                                    CreateValues& values);

// "help" or "?" among the options.
bool AsksForHelp(std::string_view list);
std::string CreateOptionsHelp(std::string_view format);

// "Formatting 'x', fmt=qcow2 cluster_size=65536 ...": with the defaults that qemu-img shows, too.
std::string FormattingLine(std::string_view filename, std::string_view format,
                           const CreateValues& values);

// Errors: "Parameter 'preallocation' does not accept value 'x'", ... REQUIRES: a size.
Result<Qcow2CreateOptions, Error> Qcow2OptionsOf(const CreateValues& values);
Result<Prealloc, Error> PreallocOf(const CreateValues& values);
std::uint64_t SizeOf(const CreateValues& values);
FileHints HintsOf(const CreateValues& values);

}  // namespace fusebay
