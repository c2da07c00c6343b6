// The names of a request.
#include "fuse/server/args.h"

#include <string>

#include "check.h"

namespace fusebay::fuse::test {
namespace {

Result<std::string_view> Take(std::string_view bytes, NameRule rule) {
  ByteSpan rest = std::as_bytes(std::span(bytes));
  return TakeName(rest, rule);
}

std::string_view WithNul(const std::string& name) { return {name.c_str(), name.size() + 1}; }

TEST(NameIsTakenOffTheFront) {
  const std::string_view bytes("one\0two\0", 8);
  ByteSpan rest = std::as_bytes(std::span(bytes));
  const auto first = TakeName(rest, NameRule::kEntry);
  CHECK_OK(first);
  CHECK_EQ(*first, "one");
  CHECK_EQ(rest.size(), 4u);
  const auto second = TakeName(rest, NameRule::kEntry);
  CHECK_OK(second);
  CHECK_EQ(*second, "two");
  CHECK_ERRNO(TakeName(rest, NameRule::kEntry), EINVAL);
}

TEST(NameWithoutNulIsRefused) {
  CHECK_ERRNO(Take("abc", NameRule::kEntry), EINVAL);
  CHECK_ERRNO(Take("", NameRule::kEntry), EINVAL);
}

TEST(RulesDifferInWhatTheyLetThrough) {
  CHECK_ERRNO(Take(WithNul("."), NameRule::kEntry), EINVAL);
  CHECK_OK(Take(WithNul("."), NameRule::kLookup));
  CHECK_ERRNO(Take(WithNul("a/b"), NameRule::kLookup), EINVAL);
  CHECK_OK(Take(WithNul("a/b"), NameRule::kTarget));
  CHECK_OK(Take(WithNul("a/b"), NameRule::kXattr));
  CHECK_OK(Take(WithNul("/"), NameRule::kAny));
  CHECK_OK(Take(WithNul("..."), NameRule::kEntry));
}

TEST(LengthsAreLimited) {
  const std::string longest(255, 'a');
  const std::string too_long(256, 'a');
  CHECK_OK(Take(WithNul(longest), NameRule::kEntry));
  CHECK_ERRNO(Take(WithNul(too_long), NameRule::kLookup), ENAMETOOLONG);
  CHECK_ERRNO(Take(WithNul(too_long), NameRule::kXattr), ERANGE);
  CHECK_OK(Take(WithNul(too_long), NameRule::kTarget));
}

}  // namespace
}  // namespace fusebay::fuse::test
