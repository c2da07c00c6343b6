// Numbers and booleans of keyval.
#include "runtime/keyval_scalar.h"

#include "check.h"

namespace fusebay::qapi {

TEST(BooleansHaveFourWordsEach) {
  CHECK(*KeyvalBool("on") && *KeyvalBool("yes") && *KeyvalBool("true") && *KeyvalBool("y"));
  CHECK(!*KeyvalBool("off") && !*KeyvalBool("no") && !*KeyvalBool("false") && !*KeyvalBool("n"));
  CHECK(!KeyvalBool("ON") && !KeyvalBool("1") && !KeyvalBool(""));
}

TEST(IntegersAreTakenWhole) {
  CHECK_EQ(*KeyvalSigned("-0x10"), -16);
  CHECK_EQ(*KeyvalUnsigned("18446744073709551615"), 18446744073709551615U);
  for (const std::string text : {"", "1x", "1 ", "1.5", "1k", "99999999999999999999"}) {
    CHECK(!KeyvalSigned(text));
    CHECK(!KeyvalUnsigned(text));
  }
}

TEST(DoublesAreFinite) {
  CHECK_EQ(*KeyvalDouble("1.5e3"), 1500.0);
  CHECK(!KeyvalDouble("inf") && !KeyvalDouble("nan") && !KeyvalDouble("1e999"));
}

TEST(SizesHaveSuffixes) {
  CHECK_EQ(*KeyvalSize("5"), 5U);
  CHECK_EQ(*KeyvalSize("5B"), 5U);
  CHECK_EQ(*KeyvalSize("3k"), 3072U);
  CHECK_EQ(*KeyvalSize("1.5G"), 1610612736U);
  CHECK_EQ(*KeyvalSize("15E"), 15ULL << 60U);
  CHECK_EQ(*KeyvalSize("0x10"), 16U);
}

TEST(BadSizesAreRefused) {
  for (const std::string text : {"", "k", "-1", "1kk", "1..5k", "16E", "0x10k", "1z", " 1"}) {
    CHECK(!KeyvalSize(text));
  }
}

}  // namespace fusebay::qapi
