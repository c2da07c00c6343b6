// A target with a bug on purpose. If the fuzzer does not find it, the fuzzer does not work: the
// smoke run fails.
#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size >= 4 && data[0] == 'b' && data[1] == 'i' && data[2] == 'r' && data[3] == 'd') {
    __builtin_trap();
  }
  return 0;
}
