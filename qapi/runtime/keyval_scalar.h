// Numbers and booleans in keyval's strings.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fusebay::qapi {

// on, yes, true, y; off, no, false, n.
std::optional<bool> KeyvalBool(std::string_view text);
// Decimal, 0x hexadecimal, or octal with a leading 0, as strtoll.
std::optional<std::int64_t> KeyvalSigned(const std::string& text);
// The same; a negative number wraps around, as strtoull.
std::optional<std::uint64_t> KeyvalUnsigned(const std::string& text);
std::optional<double> KeyvalDouble(const std::string& text);
// Bytes: decimal with an optional fraction and suffix B, K, M, G, T, P or E, or hexadecimal.
std::optional<std::uint64_t> KeyvalSize(std::string_view text);

}  // namespace fusebay::qapi
