// The option parser and the option part of --help.
#include "options.h"

#include <fmt/format.h>

#include <array>

namespace fusebay {

namespace {

constexpr std::array kCommonOptions = {
    OptionSpec{kHelpOption, 'h', "", "Show this help and exit"},
    OptionSpec{kVersionOption, 'V', "", "Show the version and exit"},
};

Error Usage(std::string message) { return Error{Errno(EINVAL), std::move(message)}; }

// "-1G" is a size that is subtracted: no option is a digit.
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

template <class Predicate>
const OptionSpec* FindSpec(std::span<const OptionSpec> specs, Predicate matches) {
  for (const auto table : {specs, CommonOptions()}) {
    for (const OptionSpec& spec : table) {
      if (matches(spec)) {
        return &spec;
      }
    }
  }
  return nullptr;
}

// Walks over the arguments; each step takes one word, or two when a value follows its option.
class Parser {
 public:
  Parser(std::span<const OptionSpec> specs, std::span<const std::string> arguments)
      : specs_(specs), rest_(arguments) {}

  Result<ParsedArguments, Error> Run() {
    while (!rest_.empty()) {
      const std::string& word = Take();
      if (word == "--") {
        parsed_.operands.insert(parsed_.operands.end(), rest_.begin(), rest_.end());
        break;
      }
      if (word.starts_with("--")) {
        FB_TRY(TakeLong(std::string_view(word).substr(2)));
      } else if (word.size() > 1 && word.front() == '-' && !IsDigit(word[1])) {
        FB_TRY(TakeLetters(std::string_view(word).substr(1)));
      } else {
        parsed_.operands.push_back(word);
      }
    }
    return std::move(parsed_);
  }

 private:
  const std::string& Take() {
    const std::string& word = rest_.front();
    rest_ = rest_.subspan(1);
    return word;
  }

  Result<Unit, Error> TakeLong(std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const OptionSpec* const spec =
        FindSpec(specs_, [name](const OptionSpec& s) { return s.name == name; });
    if (spec == nullptr) {
      return Usage(fmt::format("unknown option '--{}'", name));
    }
    if (equals != std::string_view::npos) {
      if (spec->value == OptionValue::kNone) {
        return Usage(fmt::format("option '--{}' takes no value", name));
      }
      parsed_.options.push_back({spec, std::string(text.substr(equals + 1))});
      return Unit{};
    }
    return TakeFollowingValue(*spec);
  }

  Result<Unit, Error> TakeLetters(std::string_view letters) {
    while (!letters.empty()) {
      const char letter = letters.front();
      letters.remove_prefix(1);
      const OptionSpec* const spec =
          FindSpec(specs_, [letter](const OptionSpec& s) { return s.letter == letter; });
      if (spec == nullptr) {
        return Usage(fmt::format("unknown option '-{}'", letter));
      }
      if (spec->value != OptionValue::kNone && !letters.empty()) {
        parsed_.options.push_back({spec, std::string(letters)});
        return Unit{};
      }
      FB_TRY(TakeFollowingValue(*spec));
    }
    return Unit{};
  }

  // An optional value is never the next word, for that may be an operand.
  Result<Unit, Error> TakeFollowingValue(const OptionSpec& spec) {
    if (spec.value != OptionValue::kRequired) {
      parsed_.options.push_back({&spec, std::nullopt});
      return Unit{};
    }
    if (rest_.empty()) {
      return Usage(fmt::format("option '--{}' needs a value", spec.name));
    }
    parsed_.options.push_back({&spec, Take()});
    return Unit{};
  }

  std::span<const OptionSpec> specs_;
  std::span<const std::string> rest_;
  ParsedArguments parsed_;
};

std::string Spelling(const OptionSpec& spec) {
  std::string text = spec.letter == 0 ? "    " : fmt::format("-{}, ", spec.letter);
  text += fmt::format("--{}", spec.name);
  if (spec.value == OptionValue::kRequired) {
    text += fmt::format("={}", spec.value_name);
  } else if (spec.value == OptionValue::kOptional) {
    text += fmt::format("[={}]", spec.value_name);
  }
  return text;
}

}  // namespace

std::span<const OptionSpec> CommonOptions() { return kCommonOptions; }

bool ParsedArguments::Has(std::string_view name) const {
  for (const ParsedOption& option : options) {
    if (option.spec->name == name) {
      return true;
    }
  }
  return false;
}

const std::string* ParsedArguments::Value(std::string_view name) const {
  const std::string* found = nullptr;
  for (const ParsedOption& option : options) {
    if (option.spec->name == name && option.value.has_value()) {
      found = &*option.value;
    }
  }
  return found;
}

Result<ParsedArguments, Error> ParseArguments(std::span<const OptionSpec> specs,
                                              std::span<const std::string> arguments) {
  return Parser(specs, arguments).Run();
}

std::string DescribeOptions(std::span<const OptionSpec> specs) {
  std::string text;
  for (const auto table : {specs, CommonOptions()}) {
    for (const OptionSpec& spec : table) {
      text += fmt::format("  {:<33} {}\n", Spelling(spec), spec.help);
    }
  }
  return text;
}

}  // namespace fusebay
