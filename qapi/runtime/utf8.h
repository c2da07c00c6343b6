// UTF-8 as QMP has it: U+0000 is C0 80; surrogates and noncharacters are no characters.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fusebay::qapi {

bool IsCharacter(std::uint32_t code_point);

// The character at `at`, which moves behind it; nothing: the bytes there, at least one, are none.
// REQUIRES: at < text.size().
std::optional<std::uint32_t> DecodeUtf8(std::string_view text, std::size_t& at);

// REQUIRES: IsCharacter(code_point).
void AppendUtf8(std::uint32_t code_point, std::string& out);

}  // namespace fusebay::qapi
