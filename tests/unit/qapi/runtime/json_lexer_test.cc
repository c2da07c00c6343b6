// Tokens: where they end, and how the lexer goes on after an error.
#include "runtime/json_lexer.h"

#include <vector>

#include "check.h"

namespace fusebay::qapi {

namespace {

using T = JsonToken;

// "TEXT" of each token in turn, an error as "!TEXT".
std::string Cut(std::string_view bytes, std::size_t max = 100) {
  JsonLexer lexer(max);
  std::string out;
  const auto add = [&](T token) {
    if (token != T::kNone) {
      out += out.empty() ? "" : "|";
      out += token == T::kError ? "!" : token == T::kTooLong ? "TOO LONG" : "";
      out += lexer.text();
    }
  };
  for (const char byte : bytes) {
    bool again = true;
    while (again) {
      add(lexer.Feed(byte, again));
    }
  }
  add(lexer.Finish());
  return out;
}

}  // namespace

TEST(StructureNeedsNoSpace) { CHECK_EQ(Cut("{\"a\":[1,2]}"), "{|\"a\"|:|[|1|,|2|]|}"); }

TEST(NumbersEndWhereTheyMust) { CHECK_EQ(Cut("1.5e-3x0x 10"), "1.5e-3|x|0|x|10"); }

TEST(EscapedQuotesDoNotEndAString) { CHECK_EQ(Cut(R"("a\"b"'c\'d')"), R"("a\"b"|'c\'d')"); }

TEST(ControlCharacterEndsAString) { CHECK_EQ(Cut("\"a\n1"), "!\"a\n"); }

TEST(ErrorSkipsToTheNextLine) { CHECK_EQ(Cut("@ 1 'x' 2\n3"), "!@|3"); }

TEST(ErrorSkipsToTheNextBracket) { CHECK_EQ(Cut("@ 1{2"), "!@|{|2"); }

TEST(ErrorSkipsTabs) { CHECK_EQ(Cut("@\t1\n2"), "!@|2"); }

TEST(ResetByteIsAnErrorOfItsOwn) { CHECK_EQ(Cut("@\xff\n1"), "!@|!\xff|1"); }

TEST(IncompleteNumberIsAnError) { CHECK_EQ(Cut("1. "), "!1. "); }

TEST(LeadingZeroIsAnError) { CHECK_EQ(Cut("01"), "!01"); }

TEST(TokenHasABound) { CHECK_EQ(Cut("'abcdefgh'\n1", 4), "TOO LONG|1"); }

TEST(EndOfInputInAStringIsAnError) { CHECK_EQ(Cut("\"ab"), "!\"ab"); }

}  // namespace fusebay::qapi
