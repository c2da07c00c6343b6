// Values of options: sizes, numbers, on and off. Each error names the value and what was expected.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "block/options.h"

namespace fusebay {

// Bytes, or with a suffix K, M, G, T, P or E (powers of 1024; small letters, too): "10G".
Result<std::uint64_t, Error> ParseSize(std::string_view text);
// The same as qemu-img takes it: also hexadecimal ("0x200"), with a suffix B, and with a fraction
// of what the suffix says ("1.5G"). EINVAL: this is no size; ERANGE: it is too large.
Result<std::uint64_t> ParseImageSize(std::string_view text);
// The same below 2^63, where `what` is the name in the message: "Invalid image size specified.
// ...".
Result<std::uint64_t, Error> ParseImageSizeOf(std::string_view what, std::string_view text);
Result<std::int64_t, Error> ParseNumber(std::string_view text, std::int64_t min, std::int64_t max);
Result<bool, Error> ParseOnOff(std::string_view text);
Result<OnOffAuto, Error> ParseOnOffAuto(std::string_view text);

// "1 GiB", "408 KiB", "1.5 MiB": three significant digits, as qemu-img writes it.
std::string HumanSize(std::uint64_t bytes);

}  // namespace fusebay
